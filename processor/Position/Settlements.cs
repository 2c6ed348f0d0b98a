using System.Collections.Concurrent;
using System.Threading.Channels;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Position;

/// <summary>
/// Positions of a lane that only the ledger can tell: those whose count came after later movements, and those whose movements were corrected.
/// The ledger says what they were as of an offset; the movements of the SKU since then are kept here and applied on top. A correction whose
/// event has not come is held: the event, when it comes, has the SKU asked for again. Owned by the position stage; only
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

    /// <summary>Asks what <see cref="Open"/> has gathered as of <paramref name="batchEnd"/>, and tells the commit what waits.</summary>
    public void Ask(long batchEnd, LaneCommit commit)
    {
        foreach (var (sku, wanted) in opening)
        {
            foreach (var location in wanted.Locations)
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
            var locations = wanted.Locations.Where(location => location != Corrected).Select(ids.Text).ToArray();
            questions.Writer.TryWrite(new Question(sku, batchEnd, new LedgerQuestion(ids.Text(sku), locations, wanted.FromOffset, batchEnd)));
        }

        opening.Clear();
    }

    /// <summary>
    /// Puts an answer into the positions, with what was kept applied on top. Positions are given to <paramref name="write"/>; what is settled and
    /// what is held goes to the commit.
    /// </summary>
    public void Settle(in Answer answer, StateWriter write, LaneCommit commit)
    {
        if (!open.TryGetValue(answer.Sku, out var pending) || pending.AsOf != answer.AsOf)
        {
            return;
        }

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

            write(answer.Sku, location, state);
        }

        open.Remove(answer.Sku);
        kept -= pending.Later.Count;
        foreach (var location in pending.Wanted.Locations)
        {
            commit.Settlements.Add(new SettlementChange(answer.Sku, location, Opens: false));
        }

        Hold(answer.Sku, answer.Ledger.Awaited, pending, commit);
        if (pending.Again is { } again)
        {
            Want(answer.Sku).Add(again);
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
                    waiting[question.Sku] = question;
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
            var answers = await ledger.AskAsync(status.Topic, status.Partition, ready.ConvertAll(q => q.Ledger), stopping);
            for (var i = 0; i < ready.Count; i++)
            {
                var locations = answers[i].Positions.Select(p => ids.Intern(System.Text.Encoding.UTF8.GetBytes(p.LocationId))).ToArray();
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

    internal delegate void StateWriter(int sku, int location, in PositionState state);

    internal readonly record struct Answer(int Sku, long AsOf, int[] Locations, LedgerAnswer Ledger);

    private readonly record struct Question(int Sku, long AsOf, LedgerQuestion Ledger);

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

    /// <summary>What is asked about a SKU.</summary>
    private sealed class Wanted
    {
        public HashSet<int> Locations { get; } = [];

        public long FromOffset { get; private set; } = long.MaxValue;

        public void Add(int location, long fromOffset)
        {
            Locations.Add(location);
            FromOffset = Math.Min(FromOffset, fromOffset);
        }

        public void Add(Wanted other)
        {
            Locations.UnionWith(other.Locations);
            FromOffset = Math.Min(FromOffset, other.FromOffset);
        }
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
