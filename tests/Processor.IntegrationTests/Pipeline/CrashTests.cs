using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(FaultsCollection.Name)]
public sealed class CrashTests(SharedClickHouse clickHouse)
{
    private const int Events = 30_000, EventsPerSecond = 7000;

    [Theory]
    [InlineData(21)]
    public async Task A_processor_that_is_killed_again_and_again_counts_every_event_once(int seed)
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(seed, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        var random = new Random(seed);
        for (var kill = 0; kill < 3; kill++)
        {
            // Small batches, so that many are under way when it dies.
            await using var doomed = await servers.StartProcessorAsync("--kafka.batch-records", "256");
            await doomed.WaitForAppliedAsync((kill * 8000) + random.Next(1000, 8000));
            doomed.Kill();
        }

        await using var last = await servers.StartProcessorAsync();
        await sending;
        await last.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
    }

    [Fact]
    public async Task A_stopped_processor_drains_commits_what_it_processed_and_replays_nothing_when_it_comes_back()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(31, 20_000, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        await using (var first = await servers.StartProcessorAsync())
        {
            await first.WaitForAppliedAsync(5000);
            Assert.Equal(0, await first.StopAsync());
            Assert.DoesNotContain("did not drain", first.Output, StringComparison.Ordinal);
        }

        var committed = servers.Committed();
        Assert.Equal(committed, await servers.NextOffsetsAsync());
        Assert.Equal(committed, await HistoryOffsetsAsync(servers));
        Assert.InRange(committed.Sum(), 5000, 20_000);

        await using var second = await servers.StartProcessorAsync();
        await sending;
        var status = await second.WaitForEndAsync(load);
        Assert.Equal(0, status.Totals.Replayed);
        Assert.Equal(20_000 - committed.Sum(), status.Totals.Read);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        Assert.Equal(0, await second.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
    }

    [Fact]
    public async Task Processors_that_join_and_die_in_one_group_hand_their_partitions_on()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(41, Events, 5000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        await using var first = await servers.StartProcessorAsync("--kafka.batch-records", "256");
        await first.WaitForAppliedAsync(4000);
        await using var second = await servers.StartProcessorAsync("--kafka.batch-records", "256");
        await second.WaitUntilAsync(status => status.Lanes.Count > 0);
        await first.WaitUntilAsync(status => status.Lanes.Count > 0);

        first.Kill();
        await second.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions);
        await using var third = await servers.StartProcessorAsync();
        await sending;
        await third.WaitUntilAsync(status => status.Lanes.Count > 0);
        await second.WaitUntilAsync(status => status.Lanes.Count < PipelineServers.Partitions);
        Assert.Equal(0, await second.StopAsync());
        await third.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
    }

    private static async Task<IReadOnlyList<long>> HistoryOffsetsAsync(PipelineServers servers)
    {
        using var client = servers.ClickHouseClient();
        var offsets = new List<long>();
        await foreach (var row in client.QueryAsync("SELECT max(offset) + 1 FROM raw_events GROUP BY partition ORDER BY partition"))
        {
            offsets.Add(row.Get<long>(0));
        }

        return offsets;
    }
}
