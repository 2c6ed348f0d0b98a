using System.Text.Json;
using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

[Collection(RebuildCollection.Name)]
public sealed class ReconcileDriftTests(SharedClickHouse clickHouse)
{
    // Whoever waits on the thread pool for what the pool itself is to bring waits in vain.
    private static readonly Dictionary<string, string> FewestThreads = new() { ["DOTNET_ThreadPool_ForceMaxWorkerThreads"] = "1" };

    [Fact]
    public async Task Tampering_is_found_exactly_and_repaired_beside_the_running_processor_which_goes_on_rightly()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(101, 30_000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync();
        await SendAsync(load, count, 8000);
        await processor.WaitForEndAsync(load);
        Assert.Equal(ExitCode.Ok, (await RunAsync(servers)).Code);

        var tampered = await TamperAsync(servers);
        var (code, report) = await RunAsync(servers);
        Assert.Equal(ExitCode.CheckFailed, code);
        Assert.Equal(tampered.OrderBy(t => t.ToString()), Kinds(report).OrderBy(t => t.ToString()));
        Assert.Equal((4, 0), (report.GetProperty("drifting").GetInt32(), report.GetProperty("repaired").GetInt32()));
        await processor.WaitForMetricAsync("stockflow_reconcile_drifting_positions 4");

        (code, report) = await RunAsync(servers, "--apply");
        Assert.Equal(ExitCode.CheckFailed, code);
        Assert.Equal(4, report.GetProperty("repaired").GetInt32());
        Assert.Equal(ExitCode.Ok, (await RunAsync(servers)).Code);
        await processor.WaitForMetricAsync("stockflow_reconcile_drifting_positions 0");
        using (var client = servers.ClickHouseClient())
        {
            Assert.Equal(4, await client.QueryScalarAsync<long>("SELECT count() FROM reconciliation FINAL WHERE kind = 'drift' AND action = 'repaired'"));
            Assert.Equal(2, await client.QueryScalarAsync<long>("SELECT count() FROM reconciliation FINAL WHERE action = 'planned' AND empty(expected)"));
        }

        await load.SendMovementsAsync(count, default);
        var (underLoad, during) = await RunAsync(servers);
        Assert.True(underLoad == ExitCode.Ok, during.ToString());
        await processor.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(ExitCode.Ok, (await RunAsync(servers)).Code);
    }

    [Fact]
    public async Task What_can_not_be_compared_is_said_and_never_called_clean()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(103, 4000);
        await load.SendReferenceAsync(default);
        await load.SendMovementsAsync(null, default);
        await using (var processor = await servers.StartProcessorAsync())
        {
            await processor.WaitForEndAsync(load);
            Assert.Equal(0, await processor.StopAsync());
        }

        using var connection = await servers.Redis.ConnectAsync();
        connection.Database.HashIncrement("{inv:2}:lane", "next", 1000);
        var (code, report) = await RunAsync(servers, "--wait-seconds", "0");
        Assert.Equal(ExitCode.Unreachable, code);
        Assert.Contains("did not reach", report.GetProperty("not_compared").GetProperty("2").GetString()!, StringComparison.Ordinal);
        Assert.Equal(0, report.GetProperty("drifting").GetInt32());

        connection.Database.KeyDelete("{inv:2}:lane");
        (code, report) = await RunAsync(servers);
        Assert.Equal(ExitCode.Unreachable, code);
        Assert.Contains("processor rebuild", report.GetProperty("not_compared").GetProperty("2").GetString()!, StringComparison.Ordinal);
    }

    internal static async Task<(int Code, JsonElement Report)> RunAsync(PipelineServers servers, params string[] more)
    {
        await using var process = ServerProcess.Start(ServerProcess.Processor, ["reconcile", .. servers.Flags, "--json", .. more], FewestThreads);
        var code = await process.WaitForExitAsync();
        var line = process.Output.Split('\n').FirstOrDefault(text => text.StartsWith('{'));
        Assert.True(line is not null, process.Output);
        return (code, JsonDocument.Parse(line).RootElement);
    }

    private static async Task SendAsync(LoadProducer load, IndependentCount count, long atLeast)
    {
        using var enough = new CancellationTokenSource();
        var sending = load.SendMovementsAsync(count, enough.Token);
        while (load.Sent < atLeast)
        {
            await Task.Yield();
        }

        await enough.CancelAsync();
        await sending;
    }

    // One value changed, one position removed, one added to a SKU and one under a SKU of its own.
    private static async Task<List<(string, string, string)>> TamperAsync(PipelineServers servers)
    {
        using var connection = await servers.Redis.ConnectAsync();
        var db = connection.Database;
        var keys = connection.Server.Keys(pattern: "{inv:*}:sku:*").Select(key => (string)key!).Order().ToArray();
        var changed = db.HashGetAll(keys[0])[0];
        var state = PositionCodec.Read((byte[])changed.Value!);
        state.OnHand += 1;
        var value = new byte[PositionCodec.Size];
        PositionCodec.Write(state, value);
        db.HashSet(keys[0], changed.Name, value);
        var removed = db.HashGetAll(keys[^1])[0];
        db.HashDelete(keys[^1], removed.Name);
        db.HashSet(keys[1], "NOWHERE", value);
        db.HashSet("{inv:0}:sku:GHOST", "NOWHERE", "no position");
        return
        [
            (Sku(keys[0]), (string)changed.Name!, "differs"), (Sku(keys[^1]), (string)removed.Name!, "missing"), (Sku(keys[1]), "NOWHERE", "ghost"),
            ("GHOST", "NOWHERE", "unreadable"),
        ];

        static string Sku(string key) => key[(key.IndexOf(":sku:", StringComparison.Ordinal) + 5)..];
    }

    private static IEnumerable<(string, string, string)> Kinds(JsonElement report) => report.GetProperty("drift").EnumerateArray()
        .Select(drift => (drift.GetProperty("sku_id").GetString()!, drift.GetProperty("location_id").GetString()!, drift.GetProperty("kind").GetString()!));
}
