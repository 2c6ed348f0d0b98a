using System.Collections.Concurrent;
using System.Threading.Channels;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Position;

/// <summary>
/// Positions of a lane whose count came after later movements. The ledger says what on-hand was as of an offset; the movements since then
/// are kept here and applied on top. Owned by the position stage; only <see cref="Answers"/> is shared.
/// </summary>
internal sealed class Settlements(ILedgerReader ledger, LaneStatus status, IdTable ids, TimeProvider time, ILogger logger)
{
    private const int MaximumQuestions = 500;

    /// <summary>Movements that the lane's open positions keep together: while ClickHouse is away there would be no end to them.</summary>
    internal const int MaximumKept = 10_000;

    private static readonly TimeSpan LedgerPoll = TimeSpan.FromMilliseconds(200);
    private readonly Dictionary<(int Sku, int Location), Pending> open = [];
    private int kept;

    private readonly Channel<((int Sku, int Location) Key, long AsOf)> questions = Channel.CreateUnbounded<((int Sku, int Location), long)>();

    public ConcurrentQueue<Answer> Answers { get; } = new();

    /// <summary>The asking in the background; it ends with the lane, or with the fault that stops it.</summary>
    public Task Asking { get; private set; } = Task.CompletedTask;

    public int Count => open.Count;

    /// <summary>Starts over for a position: the ledger will be asked as of <paramref name="asOf"/>.</summary>
    public void Open((int Sku, int Location) key, long asOf)
    {
        kept -= open.TryGetValue(key, out var former) ? former.Later.Count : 0;
        open[key] = new Pending(asOf);
        questions.Writer.TryWrite((key, asOf));
    }

    /// <summary>Asks the ledger in the background; <paramref name="wake"/> is called when answers wait.</summary>
    public void Start(Action wake, CancellationToken stopping) => Asking = AskLedgerAsync(wake, stopping);

    /// <summary>
    /// Keeps a movement that the ledger's answer will not hold. Are there too many of them, the ledger is asked anew about every open
    /// position, as of <paramref name="batchEnd"/>, and its answers will hold them.
    /// </summary>
    public void Note((int Sku, int Location) key, long offset, in Movement movement, long batchEnd)
    {
        var isCount = movement.Type == MovementType.CycleCount;
        if (!open.TryGetValue(key, out var pending) || offset < pending.AsOf || !(isCount || PositionRules.ChangesOnHand(movement.Type)))
        {
            return;
        }

        if (kept < MaximumKept)
        {
            pending.Later.Add(new Kept(movement.EventTs, movement.QtyDelta, isCount));
            kept++;
            return;
        }

        foreach (var position in open.Keys.ToArray())
        {
            Open(position, batchEnd);
        }
    }

    /// <summary>
    /// Puts an answer into the state. False if it is stale, or if a kept movement is itself a count that must be settled again:
    /// then <paramref name="reopen"/> is true.
    /// </summary>
    public bool Settle(in Answer answer, ref PositionState state, out bool reopen)
    {
        reopen = false;
        if (!open.TryGetValue(answer.Key, out var pending) || pending.AsOf != answer.AsOf)
        {
            return false;
        }

        var settled = state;
        settled.OnHand = answer.Ledger.OnHand;
        settled.LastCountTs = answer.Ledger.LastCountTs;
        settled.LastCountQty = answer.Ledger.LastCountQty;
        foreach (var movement in pending.Later)
        {
            if (movement.IsCount)
            {
                // Whether later movements are in on-hand can not be told from the sums: ask once more, as of now.
                reopen = true;
                return false;
            }

            settled.OnHand += movement.EventTs > settled.LastCountTs ? movement.QtyDelta : 0;
        }

        settled.Version++;
        state = settled;
        open.Remove(answer.Key);
        kept -= pending.Later.Count;
        return true;
    }

    // Many questions go into one query: each one alone would cost ClickHouse as much as all of them.
    private async Task AskLedgerAsync(Action wake, CancellationToken stopping)
    {
        // A position that is unsettled anew before its first question was asked needs only the answer to the later one.
        var waiting = new Dictionary<(int Sku, int Location), long>();
        try
        {
            while (waiting.Count > 0 || await questions.Reader.WaitToReadAsync(stopping))
            {
                while (questions.Reader.TryRead(out var question))
                {
                    waiting[question.Key] = question.AsOf;
                }

                var ready = waiting.Where(q => q.Value <= status.DurableOffset).Take(MaximumQuestions).ToList();
                if (ready.Count > 0 && await TryAnswerAsync(ready, wake, stopping))
                {
                    ready.ForEach(q => waiting.Remove(q.Key));
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

    private async Task<bool> TryAnswerAsync(List<KeyValuePair<(int Sku, int Location), long>> ready, Action wake, CancellationToken stopping)
    {
        try
        {
            var asked = ready.ConvertAll(q => new LedgerQuestion(new PositionKey(ids.Text(q.Key.Sku), ids.Text(q.Key.Location)), q.Value));
            var answers = await ledger.OnHandAsync(status.Topic, status.Partition, asked, stopping);
            for (var i = 0; i < ready.Count; i++)
            {
                Answers.Enqueue(new Answer(ready[i].Key, ready[i].Value, answers[i]));
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

    internal readonly record struct Answer((int Sku, int Location) Key, long AsOf, LedgerOnHand Ledger);

    /// <summary>What of a movement changes on-hand.</summary>
    private readonly record struct Kept(long EventTs, long QtyDelta, bool IsCount);

    private sealed class Pending(long asOf)
    {
        public long AsOf { get; } = asOf;

        public List<Kept> Later { get; } = [];
    }
}
