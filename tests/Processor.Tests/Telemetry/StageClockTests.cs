using Stockflow.Model;
using Stockflow.Tests.Window;
using Xunit;

namespace Stockflow.Tests.Telemetry;

public sealed class StageClockTests
{
    private readonly ManualTime time = new();
    private readonly StageStatus stage = new("decode");
    private readonly TaskCompletionSource ended = new();
    private int done;

    [Fact]
    public async Task Time_is_divided_among_the_states_without_a_gap()
    {
        var clock = stage.Start(time, () => 3, () => done, ended.Task);
        time.Now += 2 * 1000;
        await clock.RunAsync(Batch(5), _ => Work(4));
        time.Now += 8 * 1000;
        done = 1;
        time.Now += 16 * 1000;
        await clock.RunAsync(Batch(7), _ => Work(32));
        done = 0;
        time.Now += 64 * 1000;

        // What was still there at the next look had waited all the time since the last.
        Assert.Equal((36, 66, 24), (stage.Seconds(StageState.Busy), stage.Seconds(StageState.Idle), stage.Seconds(StageState.Backpressured)));
        Assert.Equal((2, 12, 3, 0), (stage.Batches, stage.Records, stage.Waiting, stage.Errors));
    }

    [Fact]
    public async Task A_look_in_between_changes_no_sum_and_a_lane_that_ended_counts_no_more()
    {
        var clock = stage.Start(time, () => 1, () => 0, ended.Task);
        await clock.RunAsync(Batch(1), async _ =>
        {
            await Work(3);
            Assert.Equal(3, stage.Seconds(StageState.Busy));
            await Work(4);
        });
        time.Now += 5 * 1000;
        ended.SetResult();
        time.Now += 100 * 1000;
        Assert.Equal((7, 5, 0), (stage.Seconds(StageState.Busy), stage.Seconds(StageState.Idle), stage.Waiting));
    }

    [Fact]
    public async Task A_failure_is_counted_and_passed_on_and_an_end_is_no_failure()
    {
        var clock = stage.Start(time, () => 0, () => 0, ended.Task);
        await Assert.ThrowsAsync<InvalidOperationException>(() => clock.RunAsync(Batch(1), _ => throw new InvalidOperationException()).AsTask());
        await Assert.ThrowsAsync<OperationCanceledException>(() => clock.RunAsync(Batch(1), _ => throw new OperationCanceledException()).AsTask());
        Assert.Equal((1, 0, 0), (stage.Errors, stage.Batches, stage.Records));
    }

    private static RecordBatch Batch(int records)
    {
        var batch = new RecordBatch(16, 64);
        for (var i = 0; i < records; i++)
        {
            batch.Add(i, 1, default, false, default, false, null);
        }

        return batch;
    }

    private ValueTask Work(int seconds)
    {
        time.Now += seconds * 1000;
        return ValueTask.CompletedTask;
    }
}
