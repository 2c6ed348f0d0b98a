using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.History;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.History;

/// <summary>Inserts may end in any order; what is durable has no hole.</summary>
public sealed class HistoryOrderTests
{
    [Fact]
    public async Task Of_two_inserts_under_way_the_latter_is_durable_once_the_former_is()
    {
        var inserts = Channel.CreateUnbounded<TaskCompletionSource<InsertSummary>>();
        var clickHouse = new InsertsOnly(_ =>
        {
            var insert = new TaskCompletionSource<InsertSummary>();
            inserts.Writer.TryWrite(insert);
            return insert.Task;
        });
        var lane = new LaneStatus { Topic = "t", Partition = 0, DurableOffset = 0 };
        using var taken = new SemaphoreSlim(0);
        using var stop = new CancellationTokenSource();
        var stage = new HistoryStage(new HistoryOptions { InsertRows = 1 }, clickHouse, _ => taken.Release(), new ProcessorStatus(), TimeProvider.System, NullLogger.Instance);
        var running = Task.Run(() => stage.RunAsync(stop.Token));
        for (var offset = 0; offset < 3; offset++)
        {
            var batch = new RecordBatch(1, 16) { Lane = lane, Ids = new IdTable(), FromOffset = offset };
            batch.Add(offset, 0, default, false, default, false, null);
            await stage.TakeAsync(batch, stop.Token);
            await taken.WaitAsync();
        }

        // The third is gathered, and waits.
        var (first, second) = (await inserts.Reader.ReadAsync(), await inserts.Reader.ReadAsync());
        second.SetResult(default);
        Assert.Equal(0, lane.DurableOffset);
        Assert.False(inserts.Reader.TryRead(out _));
        first.SetResult(default);
        (await inserts.Reader.ReadAsync()).SetResult(default);
        Assert.True(SpinWait.SpinUntil(() => lane.DurableOffset == 3, TimeSpan.FromMinutes(1)));
        await stop.CancelAsync();
        await running;
    }
}
