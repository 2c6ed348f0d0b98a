using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Tests.Pipeline;

/// <summary>The process ends here.</summary>
internal sealed class CrashException() : Exception("crash");

internal enum CommitFault
{
    None,
    CrashBefore,
    CrashAfter,
    UnavailableBefore,
    UnavailableAfter,
}

/// <summary>The memory store with faults at its commits, and a tail that can be lost: it remembers every change and can go back to a prefix.</summary>
internal sealed class FaultyStore : IPositionStore
{
    private readonly ManualTime clock = new();
    private readonly List<Change> changes = [];
    private MemoryPositionStore inner;
    private DateTimeOffset latest;

    public FaultyStore()
    {
        inner = new MemoryPositionStore(clock);
        latest = clock.GetUtcNow();
    }

    /// <summary>Befalls the next commit.</summary>
    public CommitFault NextCommit { get; set; }

    /// <summary>Whether a tail was lost that no lane has noticed by opening since.</summary>
    public bool HasLostTail { get; private set; }

    /// <summary>Goes back to before its last changes, epochs included.</summary>
    public async Task LoseTailAsync(int count)
    {
        HasLostTail = true;
        changes.RemoveRange(Math.Max(0, changes.Count - count), Math.Min(count, changes.Count));
        inner = new MemoryPositionStore(clock);
        foreach (var change in changes)
        {
            if (change.Commit is { } commit)
            {
                Xunit.Assert.Equal(CommitOutcome.Applied, await inner.CommitAsync(commit, default));
            }
            else
            {
                clock.Set(change.AcquiredAt);
                await inner.AcquireAsync(0, default);
            }
        }
    }

    public async Task<LaneRecord> AcquireAsync(int partition, CancellationToken token)
    {
        HasLostTail = false;
        // As in life: the clock goes on, so an epoch that was lost is not given out again.
        clock.Set(latest += TimeSpan.FromSeconds(1));
        changes.Add(new Change(clock.GetUtcNow(), null));
        return await inner.AcquireAsync(partition, token);
    }

    public async Task<CommitOutcome> CommitAsync(LaneCommit commit, CancellationToken token)
    {
        var fault = NextCommit;
        NextCommit = CommitFault.None;
        Throw(fault, CommitFault.CrashBefore, CommitFault.UnavailableBefore);
        var copy = Copy(commit);
        var outcome = await inner.CommitAsync(commit, token);
        if (outcome == CommitOutcome.Applied)
        {
            changes.Add(new Change(default, copy));
        }

        Throw(fault, CommitFault.CrashAfter, CommitFault.UnavailableAfter);
        return outcome;
    }

    public Task CheckAsync(CancellationToken token) => inner.CheckAsync(token);

    public Task PinPartitionsAsync(string topic, int partitions, CancellationToken token) => inner.PinPartitionsAsync(topic, partitions, token);

    public IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(int partition, CancellationToken token) => inner.LoadSeenAsync(partition, token);

    public Task LoadAsync(int partition, IdTable ids, ReadOnlyMemory<(int Sku, int Location)> keys, Memory<PositionState> states, CancellationToken token) =>
        inner.LoadAsync(partition, ids, keys, states, token);

    public Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token) => inner.GetAsync(skuId, token);

    public Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token) => inner.GetAsync(skuId, locationId, token);

    public IAsyncEnumerable<StockPosition> ScanAsync(CancellationToken token) => inner.ScanAsync(token);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private static void Throw(CommitFault fault, CommitFault crash, CommitFault unavailable)
    {
        if (fault == crash)
        {
            throw new CrashException();
        }

        if (fault == unavailable)
        {
            throw new StoreUnavailableException("The store does not answer.");
        }
    }

    private static LaneCommit Copy(LaneCommit commit)
    {
        var copy = new LaneCommit
        {
            Partition = commit.Partition,
            Epoch = commit.Epoch,
            ExpectedOffset = commit.ExpectedOffset,
            NextOffset = commit.NextOffset,
            Ids = commit.Ids,
            Bucket = commit.Bucket,
        };
        copy.Seen.AddRange(commit.Seen);
        copy.Positions.AddRange(commit.Positions);
        copy.ExpiredBuckets.AddRange(commit.ExpiredBuckets);
        return copy;
    }

    private sealed record Change(DateTimeOffset AcquiredAt, LaneCommit? Commit);
}
