using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// The position store inside the process, for a laptop without Redis and for tests: the same answers as Redis, gone with the process.
/// A restarted processor finds no positions and reads the topic again from its start.
/// </summary>
public sealed class MemoryPositionStore(TimeProvider time) : IPositionStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<int, LaneState> lanes = [];
    private readonly Dictionary<PositionKey, PositionState> positions = [];
    private readonly Dictionary<string, int> topology = [];

    public bool OutlivesProcess => false;

    public Task CheckAsync(CancellationToken token) => Task.CompletedTask;

    public Task<bool> PinPartitionsAsync(string topic, int partitions, CancellationToken token)
    {
        lock (gate)
        {
            SetupException.ThrowIf(topology.GetValueOrDefault(topic, partitions) != partitions,
                $"Topic {topic} has {partitions} partitions, but the positions were built with {topology.GetValueOrDefault(topic)}: keys would change lanes.");
            var isKnown = topology.ContainsKey(topic);
            topology[topic] = partitions;
            return Task.FromResult(isKnown);
        }
    }

    public Task<LaneRecord> AcquireAsync(int partition, CancellationToken token)
    {
        lock (gate)
        {
            var lane = Find(partition);
            lane.Epoch = Math.Max(lane.Epoch + 1, time.GetUtcNow().ToUnixTimeMilliseconds());
            return Task.FromResult(new LaneRecord(
                lane.Epoch, lane.Next, lane.Revision, new Dictionary<string, long>(lane.Watermarks), [.. lane.Unsettled], [.. lane.Held])
            { Marks = lane.Marks });
        }
    }

    public Task<bool> IsOwnerAsync(int partition, long epoch, CancellationToken token)
    {
        lock (gate)
        {
            return Task.FromResult(Find(partition).Epoch == epoch);
        }
    }

    public async IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(
        int partition, [EnumeratorCancellation] CancellationToken token)
    {
        List<(long, SeenEntry[])> copy;
        lock (gate)
        {
            copy = [.. Find(partition).Seen.Select(bucket => (bucket.Key, bucket.Value.ToArray()))];
        }

        foreach (var bucket in copy)
        {
            yield return bucket;
        }

        await Task.CompletedTask;
    }

    public Task LoadAsync(int partition, IdTable ids, ReadOnlyMemory<(int Sku, int Location)> keys, Memory<PositionState> states,
        CancellationToken token)
    {
        lock (gate)
        {
            for (var i = 0; i < keys.Length; i++)
            {
                states.Span[i] = positions.GetValueOrDefault(new PositionKey(ids.Text(keys.Span[i].Sku), ids.Text(keys.Span[i].Location)));
            }

            return Task.CompletedTask;
        }
    }

    public Task<CommitOutcome> CommitAsync(LaneCommit commit, CancellationToken token)
    {
        lock (gate)
        {
            var lane = Find(commit.Partition);
            if (lane.Epoch != commit.Epoch)
            {
                return Task.FromResult(CommitOutcome.StaleEpoch);
            }

            if (lane.Next == commit.NextOffset && lane.Revision == commit.Revision + 1)
            {
                return Task.FromResult(CommitOutcome.Applied);
            }

            if (lane.Next != commit.ExpectedOffset || lane.Revision != commit.Revision)
            {
                return Task.FromResult(CommitOutcome.OffsetMismatch);
            }

            Apply(lane, commit);
            return Task.FromResult(CommitOutcome.Applied);
        }
    }

    public Task<IReadOnlyDictionary<int, LaneMarks>> MarksAsync(int partitions, CancellationToken token)
    {
        lock (gate)
        {
            return Task.FromResult<IReadOnlyDictionary<int, LaneMarks>>(lanes
                .Where(lane => lane.Key < partitions && lane.Value.Marks.WatermarkTs > 0)
                .ToDictionary(lane => lane.Key, lane => lane.Value.Marks));
        }
    }

    public Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token)
    {
        lock (gate)
        {
            return Task.FromResult<IReadOnlyList<StockPosition>>([.. positions
                .Where(p => p.Key.SkuId == skuId)
                .Select(p => new StockPosition(p.Key.SkuId, p.Key.LocationId, p.Value))
                .OrderBy(p => p.LocationId, StringComparer.Ordinal)]);
        }
    }

    public Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token)
    {
        lock (gate)
        {
            return Task.FromResult<StockPosition?>(positions.TryGetValue(new PositionKey(skuId, locationId), out var state)
                ? new StockPosition(skuId, locationId, state)
                : null);
        }
    }

    public async IAsyncEnumerable<StockPosition> ScanAsync([EnumeratorCancellation] CancellationToken token)
    {
        List<StockPosition> copy;
        lock (gate)
        {
            copy = [.. positions.Select(p => new StockPosition(p.Key.SkuId, p.Key.LocationId, p.Value))];
        }

        foreach (var position in copy)
        {
            yield return position;
        }

        await Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Apply(LaneState lane, LaneCommit commit)
    {
        if (commit.Seen.Count > 0)
        {
            if (!lane.Seen.TryGetValue(commit.Bucket, out var bucket))
            {
                lane.Seen[commit.Bucket] = bucket = [];
            }

            bucket.AddRange(commit.Seen);
        }

        commit.ExpiredBuckets.ForEach(expired => lane.Seen.Remove(expired));
        foreach (var (source, ts) in commit.Watermarks)
        {
            lane.Watermarks[source] = ts;
        }

        lane.Marks = commit.Marks == default ? lane.Marks : commit.Marks;

        foreach (var write in commit.Positions)
        {
            positions[new PositionKey(commit.Ids.Text(write.Sku), commit.Ids.Text(write.Location))] = write.State;
        }

        foreach (var change in commit.Settlements)
        {
            var key = new PositionKey(commit.Ids.Text(change.Sku), change.Location < 0 ? "" : commit.Ids.Text(change.Location));
            _ = change.Opens ? lane.Unsettled.Add(key) : lane.Unsettled.Remove(key);
        }

        foreach (var change in commit.Holds)
        {
            _ = change.Opens ? lane.Held.Add(commit.Ids.Text(change.Sku)) : lane.Held.Remove(commit.Ids.Text(change.Sku));
        }

        lane.Next = commit.NextOffset;
        lane.Revision++;
    }

    private LaneState Find(int partition)
    {
        if (!lanes.TryGetValue(partition, out var lane))
        {
            lanes[partition] = lane = new LaneState();
        }

        return lane;
    }

    private sealed class LaneState
    {
        public long Epoch { get; set; }

        public long Next { get; set; } = -1;

        public long Revision { get; set; }

        public SortedDictionary<long, List<SeenEntry>> Seen { get; } = [];

        public Dictionary<string, long> Watermarks { get; } = [];

        public LaneMarks Marks { get; set; }

        public HashSet<PositionKey> Unsettled { get; } = [];

        public HashSet<string> Held { get; } = [];
    }
}
