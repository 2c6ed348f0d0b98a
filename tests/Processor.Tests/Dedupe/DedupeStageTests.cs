using Stockflow.Dedupe;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Dedupe;

public sealed class DedupeStageTests
{
    [Fact]
    public async Task Buckets_may_expire_while_the_next_batch_is_judged()
    {
        const int Batches = 5_000;
        var status = new LaneStatus { Topic = "t", Partition = 0, DurableOffset = long.MaxValue };
        var dedupe = new DedupeStage(new DedupeOptions { BucketSeconds = 1, HorizonHours = 0.001 }, status, new RunningTime());
        using var stop = new CancellationTokenSource();
        var expired = new List<long>();
        var judged = 0L;
        var anExpiry = new TaskCompletionSource();
        var expiring = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                dedupe.Store([new SeenEntry(default, Interlocked.Read(ref judged))]);
                dedupe.Expire(expired);
                if (expired.Count > 0)
                {
                    anExpiry.TrySetResult();
                }
            }
        });
        for (var offset = 0; offset < Batches || !anExpiry.Task.IsCompleted; offset++)
        {
            var batch = new RecordBatch(1, 0);
            batch.Add(offset, 0, default, false, default, false, null);
            batch.Movements[0].Fingerprint = (UInt128)(ulong)(offset + 1);
            dedupe.Apply(batch);
            Interlocked.Exchange(ref judged, offset);
            Assert.Equal(Verdict.Accepted, batch.Verdicts[0]);
        }

        await stop.CancelAsync();
        await expiring;
        Assert.Equal(expired.Order().Distinct(), expired);
    }

    /// <summary>A second goes by whenever somebody looks.</summary>
    private sealed class RunningTime : TimeProvider
    {
        private long seconds = 1_000_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Interlocked.Increment(ref seconds));
    }
}
