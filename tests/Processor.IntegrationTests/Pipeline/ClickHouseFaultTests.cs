using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>A ClickHouse that refuses, half refuses, or takes an insert and does not say so.</summary>
[Collection(FaultsCollection.Name)]
public sealed class ClickHouseFaultTests(SharedClickHouse clickHouse)
{
    private const int Events = 25_000, EventsPerSecond = 6000;

    [Fact]
    public async Task Too_many_parts_and_other_refusals_that_pass_are_tried_again()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var proxy = await ClickHouseProxy.StartAsync(servers.ClickHouse);
        proxy.Plan("raw_events", InsertFault.TooManyParts, InsertFault.MemoryLimit, InsertFault.Overloaded);
        // More in a row than the client's own retries, so that the history waits in sight.
        proxy.Plan("ledger", Enumerable.Repeat(InsertFault.TooManyParts, 5).ToArray());
        using var load = servers.Load(101, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await StartAsync(servers, proxy, "--clickhouse.max-retries", "2");
        await load.SendMovementsAsync(count, default);
        await processor.WaitForEndAsync(load);

        Assert.True(proxy.AllDone);
        Assert.Equal(6, proxy.Done(InsertFault.TooManyParts));
        Assert.Contains("History waits for ClickHouse: Code: 252", processor.Output, StringComparison.Ordinal);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        Assert.Equal(0, await processor.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
    }

    [Fact]
    public async Task An_insert_that_was_taken_without_an_answer_is_sent_again_and_shows_no_row_twice()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var proxy = await ClickHouseProxy.StartAsync(servers.ClickHouse);
        InsertFault[] cuts = [InsertFault.CutAfter, InsertFault.CutBefore, InsertFault.CutAfter, InsertFault.CutAfter];
        proxy.Plan("raw_events", cuts);
        proxy.Plan("ledger", cuts);
        using var load = servers.Load(102, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await StartAsync(servers, proxy, "--clickhouse.max-retries", "1");
        await load.SendMovementsAsync(count, default);
        await processor.WaitForEndAsync(load);

        Assert.True(proxy.AllDone);
        Assert.Equal(6, proxy.Done(InsertFault.CutAfter));
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
    }

    [Fact]
    public async Task Rows_whose_ledger_half_was_refused_are_not_committed_and_come_again_after_a_crash()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var proxy = await ClickHouseProxy.StartAsync(servers.ClickHouse);
        using var load = servers.Load(103, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        using var client = servers.ClickHouseClient();
        await using (var first = await StartAsync(servers, proxy))
        {
            var sending = load.SendMovementsAsync(count, default);
            await first.WaitForAppliedAsync(4000);
            proxy.Refused = "ledger";
            await first.WaitForLogAsync("History waits for ClickHouse: Code: 60");
            await sending;
            var ends = Progress.Ends(load);
            await first.WaitUntilAsync(status => status.Applied() == ends.Sum());
            Assert.True(proxy.Refusals > 0);
            first.Kill();
        }

        // The half that was taken stands beyond what is committed, and beyond the ledger.
        var ledger = await NextByPartitionAsync(client, "ledger");
        var raw = await NextByPartitionAsync(client, "raw_events");
        Assert.True(raw.Sum() > ledger.Sum(), $"raw_events at {raw.Sum()}, ledger at {ledger.Sum()}");
        Assert.True(servers.Committed().Sum() < raw.Sum());
        proxy.Refused = null;
        await using var second = await StartAsync(servers, proxy);
        await second.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await second.StopAsync());
        Assert.Equal(Progress.Ends(load), servers.Committed());
    }

    [Fact]
    public async Task A_processor_that_starts_without_ClickHouse_goes_on_with_positions_and_catches_up()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var proxy = await ClickHouseProxy.StartAsync(servers.ClickHouse);
        using var load = servers.Load(104, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        await using (var first = await StartAsync(servers, proxy))
        {
            await first.WaitForAppliedAsync(4000);
            Assert.Equal(0, await first.StopAsync());
        }

        var committed = servers.Committed();
        proxy.IsAway = true;
        await using var second = await StartAsync(servers, proxy, "--clickhouse.max-retries", "0");
        await sending;
        var ends = Progress.Ends(load);
        var away = await second.WaitUntilAsync(status => status.Applied() == ends.Sum());
        Assert.True(away.Lanes.Sum(lane => lane.DurableOffset) < ends.Sum());
        Assert.Equal(committed, servers.Committed());
        Assert.Equal(200, await second.GetAsync("/readyz"));

        proxy.IsAway = false;
        await second.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        Assert.Equal(0, await second.StopAsync());
        Assert.Equal(ends, servers.Committed());
    }

    private static Task<ProcessorProcess> StartAsync(PipelineServers servers, ClickHouseProxy proxy, params string[] more) =>
        servers.StartProcessorAsync(["--clickhouse.url", proxy.Url, .. more]);

    private static async Task<IReadOnlyList<long>> NextByPartitionAsync(Stockflow.History.ClickHouseClient client, string table)
    {
        var offsets = new List<long>();
        await foreach (var row in client.QueryAsync($"SELECT max(offset) + 1 FROM {table} GROUP BY partition ORDER BY partition"))
        {
            offsets.Add(row.Get<long>(0));
        }

        return offsets;
    }
}
