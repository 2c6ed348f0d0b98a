using System.Collections.Concurrent;
using System.Threading.Channels;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Position;

/// <summary>
/// Positions of a lane that only the ledger can tell: those whose count came after later movements, and those whose movements were corrected.
/// The ledger says what they were as of an offset, or for late counts alone what came after them; the movements of the SKU since then are kept here
/// and applied on top. A correction whose event has not come is held: the event, when it comes, has the SKU asked for again. Owned by the position stage; only
/// <see cref="Answers"/> is shared.
/// </summary>
internal sealed class Settlements(
    ILedgerReader ledger, LaneStatus status, IdTable ids, RecentMovements recent, TimeProvider time, ILogger logger)
{
    /// <summary>As a location: all positions that corrections of the SKU touch.</summary>
    public const int Corrected = -1;

    private const int MaximumQuestions = 500;

    /// <summary>Movements that the lane's open SKUs keep together: while ClickHouse is away there would be no end to them.</summary>
    internal const int MaximumKept = 10_000;

    private static readonly TimeSpan LedgerPoll = TimeSpan.FromMilliseconds(200);
    private readonly Dictionary<int, Pending> open = [];
    private readonly Dictionary<int, Wanted> opening = [];

    // By SKU, as long as nothing else is open or opening for it.
    private readonly Dictionary<int, Early> early = [];
    private readonly Dictionary<UInt128, int> awaited = [];
    private readonly Dictionary<int, IReadOnlyList<UInt128>> held = [];
    private readonly Channel<Question> questions = Channel.CreateUnbounded<Question>();
    private int kept;

    public ConcurrentQueue<Answer> Answers { get; } = new();

    /// <summary>The asking in the background; it ends with the lane, or with the fault that stops it.</summary>
    public Task Asking { get; private set; } = Task.CompletedTask;

    /// <summary>SKUs that wait for the ledger.</summary>
    public int Count => open.Count;

    /// <summary>Events that corrections wait for.</summary>
    public int Held => awaited.Count;

    /// <summary>Asks the ledger in the background; <paramref name="wake"/> is called when answers wait.</summary>
    public void Start(Action wake, CancellationToken stopping) => Asking = AskLedgerAsync(wake, stopping);

    /// <summary>
    /// Has the ledger asked about a position, or with <see cref="Corrected"/> about all that corrections from <paramref name="offset"/> on touch,
    /// once the batch is through.
    /// </summary>
    public void Open(int sku, int location, long offset) => Want(sku).Add(location, location == Corrected ? offset : long.MaxValue);

    /// <summary>Has the ledger asked what came after a late count, once the batch is through.</summary>
    public void OpenCount(in Movement count) => Want(count.Sku).AddCount(count.Location, count.EventTs, count.CountedQty);

    /// <summary>Takes up a SKU with held corrections where the lane is opened.</summary>
    public void Resume(int sku)
    {
        held[sku] = [];
        Open(sku, Corrected, 0);
    }

    /// <summary>Takes notice of a movement that was applied: it may be the one that a correction waits for, or one that an answer will not hold.</summary>
    public void Note(in Movement movement, long offset, long batchEnd)
    {
        if (movement.Type == MovementType.Correction)
        {
            Open(movement.Sku, Corrected, offset);
        }

        if (awaited.Count > 0 && awaited.ContainsKey(movement.Fingerprint))
        {
            recent.Bar(movement.Fingerprint);
            OpenFor(movement.Sku, movement.Type, movement.Location, movement.Counterpart, offset);
        }

        if (!open.TryGetValue(movement.Sku, out var pending) || offset < pending.AsOf)
        {
            return;
        }

        if (kept < MaximumKept)
        {
            pending.Later.Add(new Kept(movement, offset));
            kept++;
            return;
        }

        // Too many: the ledger is asked anew about every open SKU as of this batch's end, and its answers will hold them.
        foreach (var (sku, former) in open)
        {
            Want(sku).Add(former.Wanted);
            if (former.Again is { } again)
            {
                Want(sku).Add(again);
            }
        }

        open.Clear();
        kept = 0;
    }

    /// <summary>
    /// Takes notice of a correction of <paramref name="target"/>, a movement that the lane does not remember. It may have overtaken that movement by a
    /// little: if the movement comes while the ledger has not answered, <see cref="TryMeet"/> gives the amendment out and nothing needs to be asked.
    /// </summary>
    public void NoteCorrection(in Movement correction, UInt128 target, long offset, long batchEnd)
    {
        var isAlone = !open.ContainsKey(correction.Sku) && !opening.ContainsKey(correction.Sku) && !awaited.ContainsKey(correction.Fingerprint);
        Note(correction, offset, batchEnd);
        if (correction.QtyDelta == 0)
        {
            recent.Bar(target);
        }
        else if (isAlone && !recent.IsBarred(target))
        {
            early.Add(correction.Sku, new Early(target, correction));
        }
    }

    /// <summary>An amendment that came before this movement, as a movement of its place, time and type; the ledger's answer is not waited for any more.</summary>
    public bool TryMeet(in Movement movement, LaneCommit commit, out Movement amendment)
    {
        if (early.Count == 0 || !early.TryGetValue(movement.Sku, out var found) || found.Target != movement.Fingerprint || movement.Type == MovementType.CycleCount)
        {
            amendment = default;
            return false;
        }

        amendment = found.Amendment with { Type = movement.Type, EventTs = movement.EventTs, Location = movement.Location, Counterpart = movement.Counterpart };
        early.Remove(movement.Sku);
        if (!opening.Remove(movement.Sku))
        {
            Close(movement.Sku, open[movement.Sku], commit);
            questions.Writer.TryWrite(new Question(movement.Sku, 0, null));
        }

        return true;
    }

    /// <summary>Asks what <see cref="Open"/> has gathered as of <paramref name="batchEnd"/>, and tells the commit what waits.</summary>
    public void Ask(long batchEnd, LaneCommit commit)
    {
        foreach (var (sku, wanted) in opening)
        {
            foreach (var location in wanted.Places)
            {
                commit.Settlements.Add(new SettlementChange(sku, location, Opens: true));
            }

            if (open.TryGetValue(sku, out var pending))
            {
                // Its answer does not hold this, and is not thrown away for it: the ledger is asked again afterwards.
                (pending.Again ??= new Wanted()).Add(wanted);
                continue;
            }

            open.Add(sku, new Pending(batchEnd, wanted));
            questions.Writer.TryWrite(new Question(sku, batchEnd, wanted.Question(sku, batchEnd, ids)));
        }

        opening.Clear();
    }

    /// <summary>
    /// Puts an answer into the positions, with what was kept applied on top. What is settled and what is held goes to the commit.
    /// </summary>
    /// <param name="position">A position to be changed.</param>
    public void Settle(in Answer answer, StateOf position, LaneCommit commit)
    {
        if (!open.TryGetValue(answer.Sku, out var pending) || pending.AsOf != answer.AsOf)
        {
            return;
        }

        early.Remove(answer.Sku);
        Close(answer.Sku, pending, commit);
        if (pending.Wanted.IsCountsAlone)
        {
            SettleCounts(answer, pending, position);
        }
        else
        {
            SettlePositions(answer, pending, position);
            Hold(answer.Sku, answer.Ledger.Awaited, pending, commit);
        }

        if (pending.Again is { } again)
        {
            Want(answer.Sku).Add(again);
        }
    }

    private void Close(int sku, Pending pending, LaneCommit commit)
    {
        open.Remove(sku);
        kept -= pending.Later.Count;
        foreach (var place in pending.Wanted.Places)
        {
            commit.Settlements.Add(new SettlementChange(sku, place, Opens: false));
        }
    }

    // All but on-hand is right already: it adds up, whatever the order.
    private static void SettleCounts(in Answer answer, Pending pending, StateOf position)
    {
        for (var i = 0; i < answer.Locations.Length; i++)
        {
            var location = answer.Locations[i];
            var (ts, counted) = pending.Wanted.Counts[location];
            var later = pending.Later.Where(each => each.Location == location && each.EventTs > ts && PositionRules.ChangesOnHand(each.Type));
            ref var state = ref position(answer.Sku, location);
            PositionRules.Settle(ref state, ts, counted, answer.Ledger.Since[i] + later.Sum(each => each.QtyDelta));
            state.Version++;
        }
    }

    private void SettlePositions(in Answer answer, Pending pending, StateOf position)
    {
        for (var i = 0; i < answer.Locations.Length; i++)
        {
            var (location, state) = (answer.Locations[i], answer.Ledger.Positions[i].State);
            foreach (var later in pending.Later)
            {
                if (!later.ApplyTo(ref state, location))
                {
                    Open(answer.Sku, location, later.Offset);
                }
            }

            ref var former = ref position(answer.Sku, location);
            former = state with { Version = Math.Max(former.Version, state.Version) + 1 };
        }
    }

    private void Hold(int sku, IReadOnlyList<UInt128> waitsFor, Pending pending, LaneCommit commit)
    {
        if (held.Remove(sku, out var former))
        {
            foreach (var fingerprint in former)
            {
                awaited.Remove(fingerprint);
            }
        }

        foreach (var fingerprint in waitsFor)
        {
            awaited[fingerprint] = sku;
            if (pending.Later.Find(later => later.Fingerprint == fingerprint) is { Fingerprint: var found } came && found == fingerprint)
            {
                recent.Bar(fingerprint);
                OpenFor(sku, came.Type, came.Location, came.Counterpart, came.Offset);
            }
        }

        if (waitsFor.Count > 0)
        {
            held.Add(sku, waitsFor);
        }

        if ((former is not null) != (waitsFor.Count > 0))
        {
            commit.Holds.Add(new HoldChange(sku, Opens: waitsFor.Count > 0));
        }
    }

    // The corrections that came before it are not asked for by their offset, so its own places are.
    private void OpenFor(int sku, MovementType type, int location, int counterpart, long offset)
    {
        Open(sku, Corrected, offset);
        if (type != MovementType.Correction)
        {
            Open(sku, location, offset);
        }

        if (type is MovementType.TransferOut or MovementType.TransferIn)
        {
            Open(sku, counterpart, offset);
        }
    }

    private Wanted Want(int sku)
    {
        early.Remove(sku);
        if (!opening.TryGetValue(sku, out var wanted))
        {
            opening.Add(sku, wanted = new Wanted());
        }

        return wanted;
    }

    // Many questions go into one query: each one alone would cost ClickHouse as much as all of them.
    private async Task AskLedgerAsync(Action wake, CancellationToken stopping)
    {
        // A SKU that is asked for anew before its first question was put needs only the answer to the later one.
        var waiting = new Dictionary<int, Question>();
        try
        {
            while (waiting.Count > 0 || await questions.Reader.WaitToReadAsync(stopping))
            {
                while (questions.Reader.TryRead(out var question))
                {
                    if (question.Ledger is null)
                    {
                        waiting.Remove(question.Sku);
                    }
                    else
                    {
                        waiting[question.Sku] = question;
                    }
                }

                var ready = waiting.Values.Where(q => q.AsOf <= status.DurableOffset).Take(MaximumQuestions).ToList();
                if (ready.Count > 0 && await TryAnswerAsync(ready, wake, stopping))
                {
                    ready.ForEach(q => waiting.Remove(q.Sku));
                }
                else
                {
                    await Task.Delay(LedgerPoll, time, stopping);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The lane ends; the store remembers what is unsettled.
        }
    }

    private async Task<bool> TryAnswerAsync(List<Question> ready, Action wake, CancellationToken stopping)
    {
        try
        {
            var answers = await ledger.AskAsync(status.Topic, status.Partition, ready.ConvertAll(q => q.Ledger!.Value), stopping);
            for (var i = 0; i < ready.Count; i++)
            {
                var places = ready[i].Ledger!.Value.Counts.Select(count => count.LocationId).Concat(answers[i].Positions.Select(p => p.LocationId));
                var locations = places.Select(place => ids.Intern(System.Text.Encoding.UTF8.GetBytes(place))).ToArray();
                Answers.Enqueue(new Answer(ready[i].Sku, ready[i].AsOf, locations, answers[i]));
            }

            wake();
            return true;
        }
        catch (StoreUnavailableException e)
        {
            logger.SettlementWaits(status.Partition, ready.Count, e.Message);
            return false;
        }
    }

    internal delegate ref PositionState StateOf(int sku, int location);

    /// <param name="Locations">Of the question's counts, or of the answer's positions.</param>
    internal readonly record struct Answer(int Sku, long AsOf, int[] Locations, LedgerAnswer Ledger);

    /// <param name="Ledger">Null takes the question back.</param>
    private readonly record struct Question(int Sku, long AsOf, LedgerQuestion? Ledger);

    /// <summary>An amendment whose movement, <paramref name="Target"/>, is not known to have come.</summary>
    private readonly record struct Early(UInt128 Target, Movement Amendment);

    /// <summary>A movement that came after the offset that the ledger was asked as of.</summary>
    private readonly record struct Kept(
        UInt128 Fingerprint, long Offset, MovementType Type, int Location, int Counterpart, long EventTs, long QtyDelta, long CountedQty)
    {
        public Kept(in Movement movement, long offset)
            : this(movement.Fingerprint, offset, movement.Type, movement.Location, movement.Counterpart, movement.EventTs, movement.QtyDelta, movement.CountedQty)
        {
        }

        // False for a late count, which leaves the state as it is: it may have become one when a later count was voided.
        public bool ApplyTo(ref PositionState state, int location)
        {
            if (Type == MovementType.Correction || (Location != location && Counterpart != location))
            {
                return true;
            }

            var movement = new Movement { Type = Type, EventTs = EventTs, QtyDelta = QtyDelta, CountedQty = CountedQty };
            if (Location == location)
            {
                return PositionRules.Apply(ref state, movement);
            }

            PositionRules.ApplyCounterpart(ref state, movement);
            return true;
        }
    }

    /// <summary>What is asked about a SKU: counts as long as nothing else is, or positions, which say all that counts would.</summary>
    private sealed class Wanted
    {
        private readonly HashSet<int> positions = [];
        private long fromOffset = long.MaxValue;

        /// <summary>Of each location the late count that ranks highest.</summary>
        public Dictionary<int, (long EventTs, long Counted)> Counts { get; } = [];

        public bool IsCountsAlone => positions.Count == 0;

        public IEnumerable<int> Places => positions.Union(Counts.Keys);

        public void Add(int location, long fromOffset)
        {
            positions.Add(location);
            this.fromOffset = Math.Min(this.fromOffset, fromOffset);
        }

        public void AddCount(int location, long eventTs, long counted)
        {
            if (!Counts.TryGetValue(location, out var former) || (eventTs, counted).CompareTo(former) > 0)
            {
                Counts[location] = (eventTs, counted);
            }
        }

        public void Add(Wanted other)
        {
            positions.UnionWith(other.positions);
            fromOffset = Math.Min(fromOffset, other.fromOffset);
            foreach (var (location, count) in other.Counts)
            {
                AddCount(location, count.EventTs, count.Counted);
            }
        }

        public LedgerQuestion Question(int sku, long before, IdTable ids) => IsCountsAlone
            ? new LedgerQuestion(ids.Text(sku), [], [.. Counts.Select(pair => new LateCount(ids.Text(pair.Key), pair.Value.EventTs))], fromOffset, before)
            : new LedgerQuestion(ids.Text(sku), [.. Places.Where(place => place != Corrected).Select(ids.Text)], [], fromOffset, before);
    }

    private sealed class Pending(long asOf, Wanted wanted)
    {
        public long AsOf { get; } = asOf;

        public Wanted Wanted { get; } = wanted;

        public List<Kept> Later { get; } = [];

        /// <summary>What must be asked once the answer is there.</summary>
        public Wanted? Again { get; set; }
    }
}
