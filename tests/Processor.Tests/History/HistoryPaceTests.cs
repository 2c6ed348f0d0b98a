using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.History;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.History;

/// <summary>When an insert goes: large ones cost ClickHouse less, and nobody is to wait for one without need.</summary>
public sealed class HistoryPaceTests
{
    private const int Never = int.MaxValue, IntervalMilliseconds = 4000;

    /// <summary>A row comes in front of each look, until one.</summary>
    [Theory]
    [InlineData(Never, Never, IntervalMilliseconds)]
    [InlineData(1000, Never, 1500)]
    [InlineData(0, Never, 500)]
    [InlineData(Never, 300, 300)]
    public async Task An_insert_gathers_for_its_interval_unless_no_row_comes_or_a_lane_is_to_be_handed_over(int lastRowAt, int drainsAt, int expected)
    {
        var time = new SteppedTime();
        // The second byte of a Native block is the number of its rows, of fewer than 128.
        var inserted = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var clickHouse = new InsertsOnly(block =>
        {
            inserted.TrySetResult(block.Span[1]);
            return Task.FromResult(default(InsertSummary));
        });
        var status = new ProcessorStatus();
        var lane = new LaneStatus { Topic = "t", Partition = 0, DurableOffset = 0 };
        using var taken = new SemaphoreSlim(0);
        using var stop = new CancellationTokenSource();
        var stage = new HistoryStage(new HistoryOptions { InsertIntervalMilliseconds = IntervalMilliseconds }, clickHouse, _ => taken.Release(), status, time, NullLogger.Instance);
        var running = stage.RunAsync(stop.Token);
        var rows = 0;
        await SendAsync();

        while (await time.NextAsync(inserted.Task) is { } look)
        {
            var at = time.GetTimestamp() + look.Milliseconds;
            status.Draining = at >= drainsAt ? 1 : 0;
            if (at <= lastRowAt)
            {
                await SendAsync();
            }

            time.Pass(look);
        }

        Assert.Equal(expected, time.GetTimestamp());
        Assert.Equal(rows, await inserted.Task);
        await stop.CancelAsync();
        await running;

        async Task SendAsync()
        {
            var batch = new RecordBatch(1, 16) { Lane = lane, Ids = new IdTable(), FromOffset = rows };
            batch.Add(rows++, 0, default, false, default, false, null);
            await stage.TakeAsync(batch, stop.Token);
            await taken.WaitAsync();
        }
    }

    /// <summary>A clock that goes on when the test lets a wait end.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        private readonly Channel<Wait> waits = Channel.CreateUnbounded<Wait>();
        private long now;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Volatile.Read(ref now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var wait = new Wait((int)dueTime.TotalMilliseconds, () => callback(state));
            waits.Writer.TryWrite(wait);
            return wait;
        }

        /// <summary>The next wait that somebody begins; null once <paramref name="end"/> is there.</summary>
        public async Task<Wait?> NextAsync(Task end)
        {
            var next = waits.Reader.WaitToReadAsync().AsTask();
            return await Task.WhenAny(next, end) == next && waits.Reader.TryRead(out var wait) ? wait : null;
        }

        public void Pass(Wait wait)
        {
            Volatile.Write(ref now, now + wait.Milliseconds);
            wait.End();
        }
    }

    private sealed record Wait(int Milliseconds, Action End) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
