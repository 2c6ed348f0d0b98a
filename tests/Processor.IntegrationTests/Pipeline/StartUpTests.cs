using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(PipelineCollection.Name)]
public sealed class StartUpTests(SharedClickHouse clickHouse)
{
    private const int SettingsWrong = 2, CannotStart = 3;

    /// <summary>Nobody listens on the discard port of a machine without inetd.</summary>
    private const string Nobody = "127.0.0.1:9";

    [Fact]
    public async Task Settings_that_can_not_be_are_refused_in_one_line()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-settings-").FullName;
        var file = Path.Combine(folder, "wrong.json");
        await File.WriteAllTextAsync(file, """{ "kafka": { "topik": "x" } }""");
        await Task.WhenAll(
            FailsAsync(SettingsWrong, "There is no settings file", ["--config", Path.Combine(folder, "missing.json")]),
            FailsAsync(SettingsWrong, "'kafka.topik'", ["--config", file]),
            FailsAsync(SettingsWrong, "kafka.topik", [], new Dictionary<string, string> { ["STOCKFLOW__kafka__topik"] = "x" }),
            FailsAsync(SettingsWrong, "kafka.batchRecords must be from 1 to 65536", ["--kafka.batch-records", "0"]),
            FailsAsync(SettingsWrong, "'many' at 'Kafka:BatchRecords'", ["--kafka.batch-records", "many"]));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Servers_that_can_not_be_used_are_named_in_one_line()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var evicting = await RedisProcess.StartAsync(new RedisProcessOptions { Arguments = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"] });
        await Task.WhenAll(
            FailsAsync(CannotStart, $"No broker answers at {Nobody}", ["--kafka.bootstrap-servers", Nobody]),
            FailsAsync(CannotStart, "The position store: Redis", [.. servers.Flags, "--positions.connection", Nobody]),
            FailsAsync(CannotStart, "maxmemory-policy allkeys-lru", [.. servers.Flags, "--positions.connection", evicting.Endpoint]),
            FailsAsync(CannotStart, "ClickHouse: ", [.. servers.Flags, "--clickhouse.url", $"http://{Nobody}", "--clickhouse.max-retries", "0"]));
    }

    [Fact]
    public async Task A_start_waits_for_a_Redis_that_is_back_soon()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        servers.Redis.Kill();
        await using var processor = ProcessorProcess.Launch(servers.Flags);
        await processor.WaitForLogAsync("The start waits for the position store: Redis: ");
        await servers.Redis.RestartAsync();
        await processor.WaitForLogAsync("HTTP API listens on ");
        Assert.Equal(0, await processor.StopAsync());
    }

    [Fact]
    public async Task A_topic_with_another_number_of_partitions_than_the_positions_were_built_with_is_refused()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using (var processor = await servers.StartProcessorAsync())
        {
            Assert.Equal(0, await processor.StopAsync());
        }

        await using var other = await KafkaListenerProcess.StartAsync("inventory.movements:8,inventory.dead-letters:2");
        await FailsAsync(CannotStart, "has 8 partitions, but the positions under 'inv' were built with 4: keys would change lanes. Give the topic its former number, or grow as 'More partitions' in processor/README.md says.", [.. servers.Flags, "--kafka.bootstrap-servers", other.Bootstrap]);
    }

    private static async Task FailsAsync(int code, string text, string[] flags, Dictionary<string, string>? environment = null)
    {
        await using var processor = ProcessorProcess.Launch(flags, environment);
        Assert.Equal(code, await processor.WaitForExitAsync());
        // The log may warn of a Redis without an append-only file before.
        var line = Assert.Single(processor.Output.Split('\n'), line => line.Length > 0 && !line.Contains(" warn: ", StringComparison.Ordinal));
        Assert.StartsWith("processor run: ", line, StringComparison.Ordinal);
        Assert.Contains(text, line, StringComparison.Ordinal);
    }
}
