using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.Tests.Window;

public sealed class GlobalWatermarkTests
{
    [Fact]
    public async Task It_is_unknown_until_every_lane_has_published_and_never_goes_back()
    {
        var time = new ManualTime();
        await using var store = new MemoryPositionStore(time);
        var status = new ProcessorStatus();
        var global = new GlobalWatermark(store, 2, status, time);

        await PublishAsync(0, new LaneMarks(500, 400));
        await global.RefreshAsync(default);
        Assert.Equal((0, 0), (status.GlobalWatermarkTs, status.GlobalCloseTs));

        await PublishAsync(1, new LaneMarks(300, 290));
        await global.RefreshAsync(default);
        Assert.Equal((300, 290), (status.GlobalWatermarkTs, status.GlobalCloseTs));

        await PublishAsync(1, new LaneMarks(900, 890));
        await global.RefreshAsync(default);
        Assert.Equal((500, 400), (status.GlobalWatermarkTs, status.GlobalCloseTs));

        // A store that lost its tail.
        await PublishAsync(0, new LaneMarks(100, 90));
        await global.RefreshAsync(default);
        Assert.Equal((500, 400), (status.GlobalWatermarkTs, status.GlobalCloseTs));

        async Task PublishAsync(int partition, LaneMarks marks)
        {
            var record = await store.AcquireAsync(partition, default);
            var commit = new LaneCommit { Partition = partition, Epoch = record.Epoch, ExpectedOffset = record.NextOffset, NextOffset = record.NextOffset + 1, Revision = record.Revision, Ids = new IdTable(), Marks = marks };
            Assert.Equal(CommitOutcome.Applied, await store.CommitAsync(commit, default));
            Assert.Equal(marks, (await store.AcquireAsync(partition, default)).Marks);
        }
    }
}
