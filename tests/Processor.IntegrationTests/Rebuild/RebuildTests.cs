using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

[Collection(RebuildCollection.Name)]
public sealed class RebuildTests(SharedClickHouse clickHouse)
{
    [Fact]
    public async Task Redis_that_lost_everything_is_rebuilt_and_the_processor_goes_on_where_the_ledger_ends()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(71, 24_000, 6000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        var sending = load.SendMovementsAsync(count, default);
        await using (var first = await servers.StartProcessorAsync())
        {
            await first.WaitForAppliedAsync(8000);
            Assert.Equal(0, await first.StopAsync());
        }

        var before = await ReadAsync(servers);
        var unsettled = await UnsettledAsync(servers);
        bool IsSettled(KeyValuePair<PositionKey, PositionState> p) => !unsettled.Contains(p.Key) && !unsettled.Contains(p.Key with { LocationId = "" });
        await FlushAsync(servers);
        var (code, output) = await RunAsync(servers);
        Assert.True(code == ExitCode.Ok, output);
        Assert.Contains("rebuilt 4 of 4 lanes", output, StringComparison.Ordinal);
        var after = await ReadAsync(servers);
        Assert.Equal(Numbers(before.Where(IsSettled)), Numbers(after.Where(IsSettled)));
        Assert.All(after, p => Assert.True(p.Value.Version > before[p.Key].Version, $"The version of {p.Key} went back."));
        Assert.Equal(before.Keys.OrderBy(key => key.ToString()), after.Keys.OrderBy(key => key.ToString()));

        await using var second = await servers.StartProcessorAsync();
        await sending;
        var status = await second.WaitForEndAsync(load);
        Assert.Equal(0, status.Totals.Replayed);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
    }

    [Fact]
    public async Task Beside_a_running_processor_the_old_data_serves_until_the_switch_and_nothing_counts_twice()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(81, 40_000, 4000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync();
        var sending = load.SendMovementsAsync(count, default);
        await processor.WaitForAppliedAsync(6000);
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.CommittedOffset > 0));
        for (var round = 0; round < 2; round++)
        {
            var (code, output) = await RunAsync(servers);
            Assert.True(code == ExitCode.Ok, output);
            Assert.Contains("rebuilt 4 of 4 lanes", output, StringComparison.Ordinal);
        }

        await sending;
        await WaitForReopenedAsync(servers, processor);
        await processor.WaitForEndAsync(load);
        Assert.Contains("starts again", processor.Output, StringComparison.Ordinal);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await processor.StopAsync());
        await CheckOneGenerationAsync(servers);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Redis_that_loses_everything_under_load_is_rebuilt_by_the_running_processor_or_beside_it(bool byItself)
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(87, 40_000, 4000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync("--positions.auto-rebuild", byItself ? "true" : "false");
        var sending = load.SendMovementsAsync(count, default);
        await processor.WaitForAppliedAsync(8000);
        await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane => lane.CommittedOffset > 0));
        await FlushAsync(servers);
        for (var partition = 0; partition < PipelineServers.Partitions; partition++)
        {
            await processor.WaitForLogAsync($"Partition {partition}: the position store has no record of it");
        }

        if (!byItself)
        {
            Assert.Equal(503, await processor.GetAsync("/readyz"));
            var (code, output) = await RunAsync(servers);
            Assert.True(code == ExitCode.Ok, output);
            Assert.Contains("rebuilt 4 of 4 lanes", output, StringComparison.Ordinal);
        }

        await sending;
        await WaitForReopenedAsync(servers, processor);
        await processor.WaitForEndAsync(load);
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(ExitCode.Ok, (await ReconcileDriftTests.RunAsync(servers)).Code);
    }

    [Fact]
    public async Task A_rebuild_that_is_killed_leaves_what_serves_untouched_and_can_be_run_again()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(91, 24_000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await load.SendMovementsAsync(count, default);
        await using (var processor = await servers.StartProcessorAsync())
        {
            await processor.WaitForEndAsync(load);
            Assert.Equal(0, await processor.StopAsync());
        }

        await using (var doomed = ServerProcess.Start(ServerProcess.Processor, ["rebuild", .. servers.Flags]))
        {
            await doomed.WaitForLineAsync("partition 1: fills");
            doomed.Kill();
            Assert.DoesNotContain("rebuilt", doomed.Output, StringComparison.Ordinal);
        }

        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        var (code, output) = await RunAsync(servers);
        Assert.True(code == ExitCode.Ok, output);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
        await CheckOneGenerationAsync(servers);
    }

    [Fact]
    public async Task What_can_not_be_rebuilt_is_refused_and_a_dry_run_changes_nothing()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(93, 4000);
        await load.SendReferenceAsync(default);
        await load.SendMovementsAsync(null, default);
        var (untouched, nothing) = await RunAsync(servers, "--partitions", "1-2");
        Assert.Equal(ExitCode.Unreachable, untouched);
        Assert.Contains("ClickHouse", nothing, StringComparison.Ordinal);

        await using (var processor = await servers.StartProcessorAsync())
        {
            await processor.WaitForEndAsync(load);
            Assert.Equal(0, await processor.StopAsync());
        }

        await FlushAsync(servers);
        var (code, output) = await RunAsync(servers, "--dry-run");
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("partition 3: as of offset", output, StringComparison.Ordinal);
        using (var connection = await servers.Redis.ConnectAsync())
        {
            Assert.Empty(connection.Server.Keys());
        }

        (code, output) = await RunAsync(servers, "--kafka.group-id", "another", "--partitions", "2");
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("has committed nothing, but the ledger has", output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await RunAsync(servers, "--partitions", "2,4")).Code);
        Assert.Equal(ExitCode.Usage, (await RunAsync(servers, "--positions.connection", "memory")).Code);

        await using var other = await KafkaListenerProcess.StartAsync("inventory.movements:4,inventory.dead-letters:2");
        (code, output) = await RunAsync(servers, "--partitions", "0");
        Assert.True(code == ExitCode.Ok, output);
        await using var more = await KafkaListenerProcess.StartAsync("inventory.movements:8");
        (code, output) = await RunAsync(servers, "--kafka.bootstrap-servers", more.Bootstrap);
        Assert.Equal(ExitCode.Unreachable, code);
        Assert.Contains("were built with 4", output, StringComparison.Ordinal);
    }

    internal static async Task<(int Code, string Output)> RunAsync(PipelineServers servers, params string[] more)
    {
        await using var process = ServerProcess.Start(ServerProcess.Processor, ["rebuild", .. servers.Flags, .. more]);
        var code = await process.WaitForExitAsync();
        return (code, process.Output);
    }

    internal static async Task FlushAsync(PipelineServers servers)
    {
        using var connection = await servers.Redis.ConnectAsync();
        await connection.Server.FlushAllDatabasesAsync();
    }

    private static async Task<Dictionary<PositionKey, PositionState>> ReadAsync(PipelineServers servers)
    {
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        var found = new Dictionary<PositionKey, PositionState>();
        await foreach (var (sku, location, state) in store.ScanAsync(default))
        {
            found.Add(new PositionKey(sku, location), state);
        }

        Assert.NotEmpty(found);
        return found;
    }

    // A lane without new records notices a switch only at its next idle check; until then its status tells of the former generation.
    private static async Task WaitForReopenedAsync(PipelineServers servers, ProcessorProcess processor)
    {
        using var connection = await servers.Redis.ConnectAsync();
        var db = connection.Database;
        var epochs = Enumerable.Range(0, PipelineServers.Partitions)
            .ToDictionary(p => p, p => (long)db.HashGet($"{{inv:{p}}}:g{db.StringGet($"{{inv:{p}}}:generation")}:lane", "epoch"));
        await processor.WaitUntilAsync(status => epochs.All(epoch => status.Lanes.Any(lane => lane.Partition == epoch.Key && lane.Epoch >= epoch.Value)));
    }

    // Late counts that the stopped processor had not settled; a rebuild has settled them.
    private static async Task<HashSet<PositionKey>> UnsettledAsync(PipelineServers servers)
    {
        using var connection = await servers.Redis.ConnectAsync();
        return [.. Enumerable.Range(0, PipelineServers.Partitions)
            .SelectMany(p => connection.Database.SetMembers($"{{inv:{p}}}:unsettled"))
            .Select(member => ((string)member!).Split('\0')).Select(parts => new PositionKey(parts[0], parts[1]))];
    }

    // Settlements count as changes in the stream; the version is no fact.
    private static IEnumerable<KeyValuePair<PositionKey, PositionState>> Numbers(IEnumerable<KeyValuePair<PositionKey, PositionState>> positions) =>
        positions.Select(p => KeyValuePair.Create(p.Key, p.Value with { Version = 0 })).OrderBy(p => p.Key.ToString());

    private static async Task CheckOneGenerationAsync(PipelineServers servers)
    {
        using var connection = await servers.Redis.ConnectAsync();
        var generations = connection.Server.Keys()
            .Select(key => LaneKeys.TryParse((string)key!, out var partition, out var generation, out _) ? (partition, generation) : (-1, ""))
            .Distinct().Where(found => found.Item1 >= 0).ToArray();
        Assert.Equal(PipelineServers.Partitions, generations.Length);
        Assert.All(generations, found => Assert.NotEmpty(found.Item2));
    }
}
