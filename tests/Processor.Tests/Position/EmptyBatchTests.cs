using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Dedupe;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

/// <summary>A lane passes empty batches through to look at what waits for it; they need no commit, and must not use up what the next one carries.</summary>
public sealed class EmptyBatchTests
{
    [Fact]
    public async Task Fingerprints_that_leave_the_horizon_while_nothing_is_committed_leave_the_store_with_the_next_commit()
    {
        var clock = new ManualClock();
        await using var store = new MemoryPositionStore(clock);
        await store.PinPartitionsAsync("t", 1, default);
        var status = new LaneStatus { Topic = "t", Partition = 0, DurableOffset = 0 };
        var ids = new IdTable();
        var dedupe = new DedupeStage(new DedupeOptions { HorizonHours = 1 / 3600.0, BucketSeconds = 1 }, status, clock);
        using var stop = new CancellationTokenSource();
        var stage = new PositionStage(new PositionOptions(), store, new NoLedger(), status, ids, clock, NullLogger.Instance);
        stage.Open(await store.AcquireAsync(0, default), 0, stop.Token);

        await ApplyAsync(1);
        status.Written(0, 1);
        clock.Seconds += 3;
        await ApplyAsync(0);
        await ApplyAsync(1);

        var buckets = new List<long>();
        await foreach (var (bucket, _) in store.LoadSeenAsync(0, default))
        {
            buckets.Add(bucket);
        }

        Assert.Equal([clock.Seconds], buckets);
        await stop.CancelAsync();

        async Task ApplyAsync(int records)
        {
            var batch = new RecordBatch(records, 16) { Lane = status, Ids = ids };
            for (var i = 0; i < records; i++)
            {
                var offset = status.NextOffset + i;
                batch.Add(offset, 0, default, false, default, false, null);
                batch.Movements[i] = new Movement
                {
                    Type = MovementType.Receipt,
                    EventTs = 1,
                    QtyDelta = 1,
                    Fingerprint = (UInt128)(offset + 1),
                    Sku = ids.Intern(Encoding.UTF8.GetBytes("S")),
                    Location = ids.Intern(Encoding.UTF8.GetBytes("L")),
                    Counterpart = -1,
                    Stocked = true,
                };
                batch.Verdicts[i] = Verdict.Pending;
            }

            dedupe.Apply(batch);
            await stage.ApplyAsync(batch, commit =>
            {
                commit.Bucket = dedupe.Store(commit.Seen);
                dedupe.Expire(commit.ExpiredBuckets);
            }, stop.Token);
        }
    }

    private sealed class NoLedger : ILedgerReader
    {
        public Task<IReadOnlyList<LedgerAnswer>> AskAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token) =>
            throw new InvalidOperationException("There is nothing to settle.");
    }

    private sealed class ManualClock : TimeProvider
    {
        public long Seconds { get; set; } = 1_700_000_000;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Seconds);
    }
}
