using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Model;

public sealed class OwnThreadsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly OwnThreads Threads = new("two of a test", 2);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public async Task What_a_task_queues_runs_after_it_though_it_waits_for_none(int followUps)
    {
        var (left, done) = (followUps, new TaskCompletionSource());
        await Queue(() =>
        {
            for (var i = 0; i < followUps; i++)
            {
                _ = Queue(() =>
                {
                    if (Interlocked.Decrement(ref left) == 0)
                    {
                        done.SetResult();
                    }
                });
            }
        });
        await done.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Two_follow_ups_of_one_task_run_at_a_time()
    {
        using var meeting = new Barrier(2);
        var both = new Task<bool>[2];
        await Queue(() =>
        {
            for (var i = 0; i < both.Length; i++)
            {
                both[i] = Task.Factory.StartNew(() => meeting.SignalAndWait(Patience), CancellationToken.None, TaskCreationOptions.DenyChildAttach, Threads);
            }
        });
        Assert.DoesNotContain(false, await Task.WhenAll(both));
    }

    [Fact]
    public async Task Work_from_outside_does_not_wait_behind_one_that_runs_long()
    {
        using var release = new ManualResetEventSlim();
        var first = new TaskCompletionSource();
        var (followUp, isLong) = (Task.CompletedTask, Queue(() =>
        {
            first.SetResult();
            release.Wait(Patience);
        }));
        await first.Task;
        await Queue(() => followUp = Queue(static () => { })).WaitAsync(Patience);
        await followUp.WaitAsync(Patience);
        Assert.False(isLong.IsCompleted);
        release.Set();
        await isLong;
    }

    private static Task Queue(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Threads);
}
