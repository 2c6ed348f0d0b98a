namespace Stockflow.Model;

/// <summary>What a lane finds when it takes a new epoch.</summary>
/// <param name="Epoch">The new epoch; every older one is refused from now on.</param>
/// <param name="NextOffset">Offset after the last applied record, or -1 where the lane is new.</param>
/// <param name="Revision">Number of commits since the lane's first one: it tells a lost tail that did not move the offset.</param>
/// <param name="Watermarks">Per source: latest event time, milliseconds since 1970-01-01 UTC.</param>
/// <param name="Unsettled">Positions that wait for the ledger; without a location all those that corrections of the SKU touch.</param>
/// <param name="Held">SKUs with corrections whose event has not come yet.</param>
public sealed record LaneRecord(
    long Epoch, long NextOffset, long Revision, IReadOnlyDictionary<string, long> Watermarks, IReadOnlyList<PositionKey> Unsettled,
    IReadOnlyList<string> Held)
{
    /// <summary>What the lane had published.</summary>
    public LaneMarks Marks { get; init; }
}

/// <summary>A position's name outside a lane.</summary>
public readonly record struct PositionKey(string SkuId, string LocationId);

/// <summary>An event's fingerprint and the offset that first carried it.</summary>
public readonly record struct SeenEntry(UInt128 Fingerprint, long Offset);

/// <summary>A position's new value; ids are numbers of <see cref="LaneCommit.Ids"/>.</summary>
public readonly record struct PositionWrite(int Sku, int Location, PositionState State);

/// <summary>A position that begins or ends to wait for the ledger; <see cref="Location"/> is -1 for all that corrections of the SKU touch.</summary>
public readonly record struct SettlementChange(int Sku, int Location, bool Opens);

/// <summary>A SKU that begins or ends to have corrections whose event has not come yet.</summary>
public readonly record struct HoldChange(int Sku, bool Opens);

public enum CommitOutcome
{
    /// <summary>Applied now, or found applied by an earlier try with an unknown outcome.</summary>
    Applied,

    /// <summary>Another processor took the lane; this one must stop writing.</summary>
    StaleEpoch,

    /// <summary>The store is at another offset than the lane thought (it lost its tail): the lane must start again.</summary>
    OffsetMismatch,
}

/// <summary>All that one batch changes, applied in one atomic step. Reused by its lane; not thread-safe.</summary>
public sealed class LaneCommit
{
    public required int Partition { get; init; }

    public required long Epoch { get; init; }

    /// <summary>Offset that the store must stand at.</summary>
    public long ExpectedOffset { get; set; }

    /// <summary>Offset that the store stands at afterwards; equal to <see cref="ExpectedOffset"/> for a settlement alone.</summary>
    public long NextOffset { get; set; }

    /// <summary>Number of commits that the store must have seen; one more afterwards.</summary>
    public long Revision { get; set; }

    public IdTable Ids { get; set; } = null!;

    public List<SeenEntry> Seen { get; } = [];

    public List<PositionWrite> Positions { get; } = [];

    /// <summary>In their order; the last one of a position holds.</summary>
    public List<SettlementChange> Settlements { get; } = [];

    /// <summary>In their order; the last one of a SKU holds.</summary>
    public List<HoldChange> Holds { get; } = [];

    /// <summary>Event ids of the batch's movements that commands made: what they changed leaves the commands' side as the positions take it.</summary>
    public List<byte[]> CommandEvents { get; } = [];

    /// <summary>Latest event time by source.</summary>
    public Dictionary<string, long> Watermarks { get; } = [];

    /// <summary>What the lane publishes; the default where it has nothing yet, which leaves what the store has.</summary>
    public LaneMarks Marks { get; set; }

    /// <summary>Time bucket that <see cref="Seen"/> goes to, and the buckets that have left the horizon.</summary>
    public long Bucket { get; set; }

    public List<long> ExpiredBuckets { get; } = [];

    public void Clear()
    {
        Seen.Clear();
        Positions.Clear();
        Settlements.Clear();
        Holds.Clear();
        CommandEvents.Clear();
        Watermarks.Clear();
        Marks = default;
        ExpiredBuckets.Clear();
    }
}

/// <summary>
/// The position store: Redis, or the process's own memory where a laptop has no Redis. Failures of the server are thrown as
/// <see cref="StoreUnavailableException"/>; every call may be repeated.
/// </summary>
public interface IPositionStore : IPositionReader, IAsyncDisposable
{
    /// <summary>Whether the store is there before and after the process, so that an empty one has lost what it had.</summary>
    bool OutlivesProcess { get; }

    /// <summary>Fails with one clear line if the store can not keep what it is given (unreachable, or set to evict keys).</summary>
    Task CheckAsync(CancellationToken token);

    /// <summary>Remembers the topic's number of partitions; fails if it was another one, because keys would change lanes.</summary>
    /// <returns>True if it was remembered before.</returns>
    Task<bool> PinPartitionsAsync(string topic, int partitions, CancellationToken token);

    Task<LaneRecord> AcquireAsync(int partition, CancellationToken token);

    /// <summary>Whether the epoch is still the lane's latest.</summary>
    Task<bool> IsOwnerAsync(int partition, long epoch, CancellationToken token);

    /// <summary>The fingerprints that the lane has seen, bucket by bucket, oldest first.</summary>
    IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(int partition, CancellationToken token);

    /// <summary>Reads positions of one lane; <paramref name="states"/> gets a default where there is none.</summary>
    Task LoadAsync(int partition, IdTable ids, ReadOnlyMemory<(int Sku, int Location)> keys, Memory<PositionState> states,
        CancellationToken token);

    Task<CommitOutcome> CommitAsync(LaneCommit commit, CancellationToken token);

    /// <summary>The marks of every lane below <paramref name="partitions"/>, whoever owns it; a lane that has published none is absent.</summary>
    Task<IReadOnlyDictionary<int, LaneMarks>> MarksAsync(int partitions, CancellationToken token);
}

/// <summary>What the HTTP API and the terminal read.</summary>
public interface IPositionReader
{
    /// <summary>Every location of one SKU, by location id; empty where the SKU has none.</summary>
    Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token);

    /// <summary>One position, or null.</summary>
    Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token);

    /// <summary>Every position, in no order; for checks and exports.</summary>
    IAsyncEnumerable<StockPosition> ScanAsync(CancellationToken token);
}

/// <summary>A server that does not answer, or not now. Never the data's fault: the lane waits and tries again.</summary>
public sealed class StoreUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
