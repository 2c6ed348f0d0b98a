using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Processors that share the partitions of one group, under load.</summary>
[Collection(PipelineCollection.Name)]
public sealed class GroupTests(SharedClickHouse clickHouse)
{
    [Theory]
    [InlineData("CooperativeSticky", false, 81)]
    [InlineData("Range", true, 82)]
    public async Task From_one_processor_to_three_and_back_every_event_counts_once(string assignor, bool isStatic, int seed)
    {
        string[] Flags(int member) =>
            ["--kafka.assignor", assignor, "--kafka.batch-records", "256", .. isStatic ? (string[])["--kafka.instance-id", $"member-{member}"] : []];

        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(seed, 50_000, 4000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        await using var first = await servers.StartProcessorAsync(Flags(1));
        await first.WaitForAppliedAsync(2000);
        await using var second = await servers.StartProcessorAsync(Flags(2));
        await using var third = await servers.StartProcessorAsync(Flags(3));
        foreach (var processor in new[] { first, second, third })
        {
            await processor.WaitUntilAsync(status => status.Lanes.Count is 1 or 2);
        }

        Assert.Equal(0, await first.StopAsync());
        Assert.Equal(0, await third.StopAsync());
        await sending;
        await second.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        Assert.Equal(0, await second.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
        foreach (var processor in new[] { first, second, third })
        {
            Assert.DoesNotContain("did not drain", processor.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_zombie_that_wakes_up_after_its_session_changes_nothing()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(83, 30_000, 4000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);

        // However slow the machine is, the heir has more to do than the zombie has done.
        load.SendLimit = _ => 2000;
        var sending = load.SendMovementsAsync(count, default);
        await using var zombie = await servers.StartProcessorAsync("--kafka.batch-records", "256");
        await zombie.WaitForAppliedAsync(3000);
        zombie.Suspend();
        load.SendLimit = null;
        await using var heir = await servers.StartProcessorAsync();
        await heir.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Totals.Accepted > 3000);
        zombie.Continue();
        await sending;

        // Both are members again; each lane has one owner that has done all.
        await zombie.WaitUntilAsync(status => status.Lanes.Count > 0);
        await heir.WaitUntilAsync(status => status.Lanes.Count < PipelineServers.Partitions);
        Assert.Equal(0, await zombie.StopAsync());
        await heir.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
    }

    [Fact]
    public async Task Partitions_that_were_held_back_when_they_were_lost_are_read_on()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(84, 20_000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync("--kafka.batch-records", "64", "--positions.timeout-milliseconds", "300");
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions);
        servers.Redis.Suspend();
        await load.SendMovementsAsync(count, default);
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.Paused));
        // The process is a member of two groups; either may get an answer.
        await servers.Kafka.FailNextAsync(KafkaApi.Heartbeat, [.. Enumerable.Repeat(Confluent.Kafka.ErrorCode.UnknownMemberId, 5)]);
        await processor.WaitForLogAsync("lost its place");
        servers.Redis.Continue();
        await processor.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await processor.StopAsync());
    }
}
