using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Sinks that are away for longer than the queues hold.</summary>
[Collection(FaultsCollection.Name)]
public sealed class OutageTests(SharedClickHouse clickHouse)
{
    private const int Events = 40_000;

    /// <summary>So few places in the history's queue that lanes run out of them at once.</summary>
    private static readonly string[] ShortQueue =
        ["--history.waiting-batches", "4", "--history.insert-rows", "2000", "--clickhouse.max-retries", "0", "--kafka.batch-records", "256"];

    [Theory]
    [InlineData(71, false)]
    [InlineData(72, true)]
    public async Task Positions_go_on_without_ClickHouse_and_the_ledger_catches_up_from_Kafka(int seed, bool killsTheProcessorToo)
    {
        await using var own = await EmbeddedClickHouse.StartAsync();
        await using var servers = await PipelineServers.StartAsync(own, "outage");
        using var load = servers.Load(seed, Events, 8000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var processor = await servers.StartProcessorAsync(ShortQueue);
        var sending = load.SendMovementsAsync(count, default);

        await processor.WaitForAppliedAsync(5000);
        own.Kill();
        await sending;
        var ends = Progress.Ends(load);
        var away = await processor.WaitUntilAsync(status => status.Applied() == ends.Sum());
        Assert.InRange(away.Lanes.Sum(lane => lane.HistoryGap), 1, Events);
        Assert.All(away.Lanes, lane => Assert.True(lane.CommittedOffset <= lane.DurableOffset));
        Assert.Equal(200, await processor.GetAsync("/readyz"));
        if (killsTheProcessorToo)
        {
            processor.Kill();
        }

        await own.RestartAsync();
        if (killsTheProcessorToo)
        {
            await processor.DisposeAsync();
            processor = await servers.StartProcessorAsync(ShortQueue);
        }

        var end = await processor.WaitForEndAsync(load);
        Assert.Equal(0, end.Lanes.Sum(lane => lane.HistoryGap));
        Assert.Contains("read again for the history", processor.Output, StringComparison.Ordinal);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        Assert.Equal(0, await processor.StopAsync());
        Assert.Equal(ends, servers.Committed());
        await processor.DisposeAsync();
    }

    [Fact]
    public async Task A_stopped_Redis_pauses_the_partitions_and_keeps_the_place_in_the_group()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(73, Events, 8000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync(
            "--kafka.batch-records", "64", "--positions.timeout-milliseconds", "300",
            // Without polling the group would throw the member out.
            "--kafka.properties", "max.poll.interval.ms=3000");
        var sending = load.SendMovementsAsync(count, default);
        await processor.WaitForAppliedAsync(3000);
        servers.Redis.Suspend();
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.Paused));
        await sending;
        var paused = await processor.StatusAsync();
        Assert.Equal(503, await processor.GetAsync("/readyz"));
        servers.Redis.Continue();
        await processor.WaitForEndAsync(load);
        Assert.All(paused.Lanes, lane => Assert.True(lane.ReadOffset < Progress.Ends(load)[lane.Partition]));
        Assert.DoesNotContain("lost its place", processor.Output, StringComparison.Ordinal);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
    }
}
