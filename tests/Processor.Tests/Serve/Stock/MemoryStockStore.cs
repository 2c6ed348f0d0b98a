using System.Text;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

/// <summary>
/// Stock in memory for tests of plans: it decides what the script of the real store decides, in the same order (key, time, documents, lag,
/// shortage). One thread at a time. A movement's event_id that comes twice fails the test.
/// </summary>
internal sealed class MemoryStockStore : IStockStore
{
    private const long KeyMilliseconds = 24 * 3600 * 1000;
    private const int Partitions = 4;
    private readonly Dictionary<PositionKey, PositionState> facts = [];
    private readonly Dictionary<PositionKey, Changes> changes = [];
    private readonly Dictionary<(string Sku, string Id), StockHold> holds = [];
    private readonly Dictionary<(string Sku, string Location, string Source), DatedQuantity> dated = [];
    private readonly Dictionary<(string Kind, string Id), (long Revision, byte[] Body)> documents = [];
    private readonly Dictionary<(string Kind, string List), SortedSet<string>> lists = [];
    private readonly Dictionary<(string Kind, string Id), long> due = [];
    private readonly Dictionary<string, (StoredAnswer Answer, long UntilTs)> answers = [];
    private readonly SortedDictionary<int, List<OutboxEntry>> outboxes = [];
    private readonly HashSet<string> eventIds = [];
    private long entries;

    /// <summary>The store's clock, milliseconds.</summary>
    public long NowTs { get; set; } = new DateTimeOffset(2026, 3, 2, 9, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    /// <summary>SKUs whose lane lags behind.</summary>
    public HashSet<string> Behind { get; } = [];

    /// <summary>Runs before a transaction is looked at, such as another command that comes between plan and execution.</summary>
    public Func<StockTransaction, Task>? Before { get; set; }

    /// <summary>All movements in the order in which they were made.</summary>
    public List<StockMove> Moves { get; } = [];

    public IEnumerable<DatedQuantity> Dated => dated.Values;

    public IEnumerable<StockHold> Holds => holds.Values;

    public IEnumerable<(string Kind, string Id)> Documents => documents.Keys;

    /// <summary>What the stream says of a position.</summary>
    public void Put(string sku, string location, PositionState state) => facts[new PositionKey(sku, location)] = state;

    public void Put(string sku, string location, long onHand) => Put(sku, location, new PositionState { OnHand = onHand });

    /// <summary>A position with what commands changed.</summary>
    public AtpState State(string sku, string location) => State(new PositionKey(sku, location));

    /// <summary>The lanes apply what commands did, so it leaves the commands' side.</summary>
    public void Settle()
    {
        foreach (var (key, change) in changes)
        {
            facts[key] = Sum(facts.GetValueOrDefault(key), change.State);
            change.State = default;
        }
    }

    public Task CheckAsync(CancellationToken token) => Task.CompletedTask;

    public async Task<StockOutcome> ExecuteAsync(StockTransaction transaction, CancellationToken token)
    {
        if (Before is { } before)
        {
            await before(transaction);
        }

        if (transaction.Key is { } key && answers.TryGetValue(key, out var known) && NowTs < known.UntilTs)
        {
            return known.Answer.RequestHash == transaction.RequestHash ? Outcome(StockVerdict.Repeated) with { Answer = known.Answer.Body } : Outcome(StockVerdict.KeyReused);
        }

        if ((transaction.BeforeTs > 0 && NowTs >= transaction.BeforeTs) || (transaction.FromTs > 0 && NowTs < transaction.FromTs))
        {
            return Outcome(StockVerdict.WrongTime);
        }

        if (transaction.Documents.Any(document => documents.GetValueOrDefault((document.Kind, document.Id)).Revision != document.Revision))
        {
            return Outcome(StockVerdict.Conflict);
        }

        if (transaction.Moves.Select(m => m.SkuId).Concat(transaction.Holds.Select(h => h.SkuId)).Concat(transaction.Buffers.Select(b => b.SkuId)).Concat(transaction.Dated.Select(d => d.SkuId)).Any(Behind.Contains))
        {
            return Outcome(StockVerdict.Behind);
        }

        var checks = transaction.Moves.GroupBy(m => new PositionKey(m.SkuId, m.LocationId)).ToDictionary(g => g.Key, g => g.Max(m => m.Check));
        var had = checks.Keys.ToDictionary(k => k, State);
        var undo = changes.ToDictionary(pair => pair.Key, pair => pair.Value.Copy());
        var formerHolds = holds.ToDictionary();
        Change(transaction);
        var shortages = checks.Where(pair => pair.Value > StockCheck.None && IsShort(had[pair.Key], State(pair.Key) with { Lapsed = had[pair.Key].Lapsed - Ended(transaction, formerHolds, pair.Key) }, pair.Value))
            .Select(pair => new StockShortage(pair.Key.SkuId, pair.Key.LocationId, had[pair.Key].State.OnHand, had[pair.Key].Unreserved - had[pair.Key].SafetyBuffer)).ToArray();
        if (shortages.Length > 0)
        {
            Restore(changes, undo);
            Restore(holds, formerHolds);
            return Outcome(StockVerdict.Insufficient) with { Shortages = shortages };
        }

        Keep(transaction);
        return Outcome(StockVerdict.Applied);
    }

    public Task<(long NowTs, AtpAnswer[] Answers)> ReadAsync(IReadOnlyList<PositionKey> keys, bool dated, CancellationToken token) =>
        Task.FromResult((NowTs, keys.Select(key => new AtpAnswer(new AtpLane(NowTs, NowTs), [.. Known(key).Select(State)],
            dated ? [.. this.dated.Values.Where(d => d.SkuId == key.SkuId)] : [])).ToArray()));

    public Task<StockDocument?> FindAsync(string kind, string id, CancellationToken token) =>
        Task.FromResult(documents.TryGetValue((kind, id), out var found) ? new StockDocument(kind, id, found.Revision, found.Body) : null);

    public Task<IReadOnlyList<StockDocument>> ListAsync(string kind, string list, string? after, int limit, CancellationToken token) =>
        Task.FromResult<IReadOnlyList<StockDocument>>([.. List(kind, list).Reverse().Where(id => after is null || Compare(id, after) < 0).Take(limit)
            .Where(id => documents.ContainsKey((kind, id))).Select(id => new StockDocument(kind, id, documents[(kind, id)].Revision, documents[(kind, id)].Body))]);

    public Task<StoredAnswer?> FindAnswerAsync(string key, CancellationToken token) =>
        Task.FromResult(answers.TryGetValue(key, out var known) && NowTs < known.UntilTs ? known.Answer : null);

    public Task<IReadOnlyList<(string Kind, string Id)>> DueAsync(int limit, CancellationToken token) =>
        Task.FromResult<IReadOnlyList<(string, string)>>([.. due.Where(pair => pair.Value <= NowTs).OrderBy(pair => pair.Value).Take(limit).Select(pair => pair.Key)]);

    public Task<IReadOnlyList<int>> OutboxesAsync(CancellationToken token) => Task.FromResult<IReadOnlyList<int>>([.. outboxes.Keys]);

    public Task<IReadOnlyList<OutboxEntry>> OutboxAsync(int partition, int limit, CancellationToken token) =>
        Task.FromResult<IReadOnlyList<OutboxEntry>>([.. (outboxes.GetValueOrDefault(partition) ?? []).Take(limit)]);

    public Task ForwardedAsync(int partition, IReadOnlyList<OutboxEntry> entries, CancellationToken token)
    {
        if (outboxes.TryGetValue(partition, out var outbox) && outbox.RemoveAll(entries.Contains) > 0 && outbox.Count == 0)
        {
            outboxes.Remove(partition);
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static bool IsShort(AtpState had, AtpState has, StockCheck check)
    {
        var (before, after) = (had.Unreserved - had.SafetyBuffer, has.Unreserved - has.SafetyBuffer);
        return (has.State.OnHand < 0 && has.State.OnHand < had.State.OnHand) || (check == StockCheck.Available && after < 0 && after < before);
    }

    // As in the script, a hold that is set counts in the check even if its time is over already.
    private long Ended(StockTransaction transaction, Dictionary<(string, string), StockHold> former, PositionKey key) => transaction.Holds
        .Where(hold => hold.SkuId == key.SkuId && hold.LocationId == key.LocationId)
        .Select(hold => former.GetValueOrDefault((hold.SkuId, hold.Id))).Where(hold => hold is { ExpiresTs: > 0 } && hold.ExpiresTs <= NowTs).Sum(hold => hold!.Quantity);

    private static int Compare(string a, string b) => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b));

    private static PositionState Sum(PositionState a, PositionState b)
    {
        a.OnHand += b.OnHand;
        a.Unsellable += b.Unsellable;
        a.Reserved += b.Reserved;
        a.InTransitIn += b.InTransitIn;
        a.InTransitOut += b.InTransitOut;
        return a;
    }

    private static void Restore<TKey, TValue>(Dictionary<TKey, TValue> target, Dictionary<TKey, TValue> former)
        where TKey : notnull
    {
        target.Clear();
        foreach (var (key, value) in former)
        {
            target[key] = value;
        }
    }

    // Numbers: movements, holds and buffers, which a shortage takes back.
    private void Change(StockTransaction transaction)
    {
        foreach (var move in transaction.Moves)
        {
            Assert.False(move.Type is MovementType.CycleCount or MovementType.Correction or MovementType.Unknown);
            var movement = new Movement { Type = move.Type, QtyDelta = move.Quantity, EventTs = long.MaxValue };
            PositionRules.Apply(ref Of(move.SkuId, move.LocationId).State, movement);
            if (move.CounterpartId is { } counterpart && move.Type is MovementType.TransferOut or MovementType.TransferIn)
            {
                PositionRules.ApplyCounterpart(ref Of(move.SkuId, move.CounterpartId!).State, movement);
            }
        }

        foreach (var hold in transaction.Holds)
        {
            if (hold.Quantity == 0)
            {
                holds.Remove((hold.SkuId, hold.Id));
            }
            else
            {
                holds[(hold.SkuId, hold.Id)] = hold;
            }
        }

        foreach (var buffer in transaction.Buffers)
        {
            Of(buffer.SkuId, buffer.LocationId).Buffer = buffer.Units;
        }
    }

    private void Keep(StockTransaction transaction)
    {
        foreach (var item in transaction.Dated)
        {
            var place = (item.SkuId, item.LocationId, item.Source);
            if (item.Quantity == 0)
            {
                dated.Remove(place);
            }
            else
            {
                dated[place] = item;
            }
        }

        foreach (var move in transaction.Moves)
        {
            Assert.True(eventIds.Add(move.EventId), $"event_id {move.EventId} was used twice");
            Assert.InRange(move.EventId.Length, 1, 128);
            Moves.Add(move);
            var partition = Murmur2.Partition(Encoding.UTF8.GetBytes(move.SkuId), Partitions);
            outboxes.TryAdd(partition, []);
            outboxes[partition].Add(new OutboxEntry($"{++entries}-0", move));
        }

        foreach (var write in transaction.Documents)
        {
            var key = (write.Kind, write.Id);
            documents.Remove(key);
            due.Remove(key);
            if (write.Body is { } body)
            {
                documents[key] = (write.Revision + 1, body);
            }

            if (write.DueTs > 0)
            {
                due[key] = write.DueTs;
            }

            foreach (var list in write.Leaves)
            {
                List(write.Kind, list).Remove(write.Id);
            }

            foreach (var list in write.Enters)
            {
                List(write.Kind, list).Add(write.Id);
            }
        }

        if (transaction.Key is { } used)
        {
            answers[used] = (new StoredAnswer(transaction.RequestHash, transaction.Answer), NowTs + KeyMilliseconds);
        }
    }

    private AtpState State(PositionKey key)
    {
        var change = changes.GetValueOrDefault(key) ?? new Changes();
        var here = holds.Values.Where(hold => hold.SkuId == key.SkuId && hold.LocationId == key.LocationId).ToArray();
        return new AtpState(key.SkuId, key.LocationId, Sum(facts.GetValueOrDefault(key), change.State), here.Sum(hold => hold.Quantity),
            here.Where(hold => hold.ExpiresTs > 0 && hold.ExpiresTs <= NowTs).Sum(hold => hold.Quantity), change.Buffer);
    }

    // What only nets to nothing is not known.
    private IEnumerable<PositionKey> Known(PositionKey key) => facts.Keys.Concat(changes.Where(pair => !pair.Value.IsNothing).Select(pair => pair.Key))
        .Concat(holds.Values.Select(hold => new PositionKey(hold.SkuId, hold.LocationId))).Distinct()
        .Where(known => known.SkuId == key.SkuId && (key.LocationId.Length == 0 || known.LocationId == key.LocationId));

    private Changes Of(string sku, string location)
    {
        var key = new PositionKey(sku, location);
        changes.TryAdd(key, new Changes());
        return changes[key];
    }

    private SortedSet<string> List(string kind, string list)
    {
        lists.TryAdd((kind, list), new SortedSet<string>(Comparer<string>.Create(Compare)));
        return lists[(kind, list)];
    }

    private StockOutcome Outcome(StockVerdict verdict) => new(verdict, NowTs, "async");

    private sealed class Changes
    {
        public PositionState State;
        public long Buffer;

        public bool IsNothing => State is { OnHand: 0, Unsellable: 0, Reserved: 0, InTransitIn: 0, InTransitOut: 0 } && Buffer == 0;

        public Changes Copy() => new() { State = State, Buffer = Buffer };
    }
}
