using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

/// <summary>The past processed again, beside processors that go on.</summary>
[Collection(RebuildCollection.Name)]
public sealed class ReplayTests(SharedClickHouse clickHouse)
{
    [Theory]
    [InlineData("kafka", "beginning")]
    [InlineData("raw_events", "700")]
    public async Task A_replay_beside_a_running_processor_is_equal_to_the_live_data(string source, string from)
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(91, 24_000, 4000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync();
        var sending = load.SendMovementsAsync(count, default);
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.CommittedOffset > 2000));

        var (code, output) = await RunAsync(servers, "replay", "--from", from, "--to", "2000", "--source", source);
        Assert.True(code == ExitCode.Ok, output);
        Assert.Contains("equal to the live data", output, StringComparison.Ordinal);
        Assert.Contains(from == "beginning" ? "replays 8,000 offsets" : "replays 5,200 offsets", output, StringComparison.Ordinal);
        Assert.DoesNotContain(" 0 compared", output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Unreachable, (await RunAsync(servers, "replay", "--from", from)).Code);
        Assert.Equal(ExitCode.Ok, (await RunAsync(servers, "replay", "drop")).Code);

        await sending;
        await processor.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        using var client = servers.ClickHouseClient();
        Assert.False(await ShadowLedger.ExistsAsync(client, client.Database + "_replay_replay", default));
    }

    [Fact]
    public async Task What_was_processed_by_a_wrong_setting_is_replayed_compared_and_switched_to_under_load()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        // A duplicate behind the range, of an event that only the replay accepts, is the reconciler's: the live lanes did not know the event.
        using var load = servers.Load(92, 30_000, 4000, duplicateShare: 0);
        await load.SendReferenceAsync(default);

        // However slow the machine is, there is more to come when the right setting takes over.
        var limit = 4000L;
        load.SendLimit = _ => Volatile.Read(ref limit);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);

        // Sends good events to the dead letters.
        await using (var wrong = await servers.StartProcessorAsync("--decode.maximum-quantity", "3"))
        {
            await wrong.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.CommittedOffset > 1500));
            Assert.Equal(0, await wrong.StopAsync());
        }

        Volatile.Write(ref limit, long.MaxValue);
        await using var right = await servers.StartProcessorAsync();
        await right.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Totals.Accepted > 0);
        using var client = servers.ClickHouseClient();
        var former = await client.QueryScalarAsync<long>("SELECT count() FROM ledger_current WHERE offset < 1000");
        var recorded = await RecordedAsync(client);

        var (code, output) = await RunAsync(servers, "replay", "--from", "0", "--name", "quantities");
        Assert.True(code == ExitCode.CheckFailed, output);
        Assert.Matches("[1-9][0-9,]* only replayed\npositions", output);
        Assert.Equal(former, await client.QueryScalarAsync<long>("SELECT count() FROM ledger_current WHERE offset < 1000"));

        (code, output) = await RunAsync(servers, "replay", "switch", "--name", "quantities");
        Assert.True(code == ExitCode.Ok, output);
        Assert.True(await client.QueryScalarAsync<long>("SELECT count() FROM ledger_current WHERE offset < 1000") > former);

        // What did not change is known since it was known first.
        var after = await RecordedAsync(client);
        Assert.All(recorded, row => Assert.Equal(row.Value, after[row.Key]));

        await sending;
        await right.WaitForEndAsync(load);
        await FinalState.CheckPositionsAsync(servers, count.Result());
        await FinalState.CheckLedgerAsync(servers, count.Result());
        Assert.Equal(
            await client.QueryScalarAsync<long>("SELECT uniqExact(event_id) FROM ledger WHERE movement_type = 'CORRECTION'"),
            await client.QueryScalarAsync<long>("SELECT uniqExact(event_id) FROM corrections"));
        Assert.Equal(ExitCode.Unreachable, (await RunAsync(servers, "replay", "switch", "--name", "quantities")).Code);
        Assert.Equal(ExitCode.Ok, (await RunAsync(servers, "replay", "drop", "--name", "quantities")).Code);
    }

    private static async Task<Dictionary<(int, long), string>> RecordedAsync(ClickHouseClient client)
    {
        var recorded = new Dictionary<(int, long), string>();
        await foreach (var row in client.QueryAsync("SELECT partition, offset, toString(recorded_at) FROM ledger_current WHERE offset < 1000"))
        {
            recorded.Add((row.Get<int>(0), row.Get<long>(1)), row.Get<string>(2)!);
        }

        return recorded;
    }

    private static async Task<(int Code, string Output)> RunAsync(PipelineServers servers, params string[] arguments)
    {
        await using var process = ServerProcess.Start(ServerProcess.Processor, [.. arguments, .. servers.Flags]);
        var code = await process.WaitForExitAsync(TimeSpan.FromSeconds(90));
        return (code, process.Output);
    }
}
