using System.Globalization;
using System.Text.RegularExpressions;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(FaultsCollection.Name)]
public sealed partial class ServerFailureTests(SharedClickHouse clickHouse)
{
    private static readonly RedisProcessOptions Durable = new() { AppendOnly = true, AppendFsync = "no" };

    [Fact]
    public async Task Lanes_wait_in_sight_for_a_Redis_and_a_ClickHouse_that_are_killed_and_come_back()
    {
        await using var own = await EmbeddedClickHouse.StartAsync();
        await using var servers = await PipelineServers.StartAsync(own, "failures", Durable);
        using var load = servers.Load(51, 30_000, 5000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync("--clickhouse.max-retries", "1");
        var sending = load.SendMovementsAsync(count, default);

        await processor.WaitForAppliedAsync(5000);
        servers.Redis.Kill();
        await processor.WaitForLogAsync("waits for the position store");
        Assert.Equal(503, await processor.GetAsync("/readyz"));
        await servers.Redis.RestartAsync();
        await processor.WaitForAppliedAsync(12_000);

        // Each lane finds by itself that Redis is back, the last of them a pause later.
        await processor.WaitUntilAsync(async () => await processor.GetAsync("/readyz") == 200, () => "It is not ready though Redis is back.");

        own.Kill();
        await processor.WaitForLogAsync("History waits for ClickHouse");
        Assert.Equal(200, await processor.GetAsync("/readyz"));
        await own.RestartAsync();

        await sending;
        await processor.WaitForEndAsync(load);
        Assert.Equal(200, await processor.GetAsync("/readyz"));
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await processor.StopAsync());
    }

    [Fact]
    public async Task A_Redis_that_comes_back_without_its_tail_is_read_up_to_date_again_by_a_new_and_by_a_running_processor()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse, Durable);
        using var load = servers.Load(61, 30_000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        // However slow the machine is, the copy has a part of each lane, and each lane goes on after it.
        load.SendLimit = _ => 2000;
        var sending = load.SendMovementsAsync(count, default);
        string older;
        await using (var first = await servers.StartProcessorAsync())
        {
            // A lane of which the copy had nothing would be rebuilt from the ledger, which is another case.
            await first.WaitUntilAsync(status => status.Applied() >= 3000
                && status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.PositionOffset > 0));
            first.Suspend();
            servers.Redis.Kill();
            older = servers.Redis.BackUp();
            await servers.Redis.RestartAsync();
            var copied = await servers.NextOffsetsAsync();
            load.SendLimit = _ => 4500;
            first.Continue();
            await first.WaitUntilAsync(status => status.Applied() >= 10_000
                && status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.CommittedOffset > copied[lane.Partition]));
            first.Kill();
        }

        load.SendLimit = null;
        await servers.Redis.RestartFromAsync(older);
        await using var second = await servers.StartProcessorAsync();
        await second.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Totals.Read > 0);
        var starts = AssignedAt().Matches(second.Output);
        Assert.Equal(PipelineServers.Partitions, starts.Count);
        Assert.All(starts, start => Assert.True(Number(start, "positions") < Number(start, "history"), start.Value));
        await second.WaitForAppliedAsync(14_000);

        await servers.Redis.RestartFromAsync(older);
        await sending;
        // Each lane finds out for itself, one without new records after a few seconds; until then its status tells what it had done.
        foreach (var partition in Enumerable.Range(0, PipelineServers.Partitions))
        {
            await second.WaitForLogAsync($"Partition {partition} starts again");
        }

        await second.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"assigned: .*positions at (?<positions>\d+), history at (?<history>\d+)")]
    private static partial Regex AssignedAt();
}
