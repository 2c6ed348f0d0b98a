using System.CommandLine;
using System.Text;
using System.Text.Json;
using Confluent.Kafka;
using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Quality;

/// <summary>A record that a rule holds, in the real processor: it counts nowhere until it is released, and then once.</summary>
[Collection(QualityCollection.Name)]
public sealed class QuarantineTests(SharedClickHouse shared) : IDisposable
{
    private const string Sku = "SKU-1", Store = "STORE-1", Failing = "stockflow_quality_rule_failing{rule=\"giant\"} ";
    private readonly string rules = Path.GetTempFileName();
    private readonly long[] ends = new long[PipelineServers.Partitions];

    public void Dispose() => File.Delete(rules);

    [Fact]
    public async Task What_a_rule_holds_counts_nowhere_until_it_is_released_and_then_once()
    {
        await File.WriteAllTextAsync(rules, """
            rules:
              - { name: giant, kind: quarantine, severity: critical, description: Barcodes as quantities., when: { sources: [POS], quantity_above: 500 } }
              - { name: dear, kind: quarantine, severity: info, description: Prices in cents., when: { price_above: 1000, quantity_above: 900 } }
            """);
        // The database that commands ask unless the environment names another.
        await using var servers = await PipelineServers.StartAsync(shared.Server, new ClickHouseOptions().Database);
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceSkuAsync(Sku);
        await producer.AnnounceLocationAsync(Store);
        await MoveAsync(producer, "small", 500, "POS");
        await MoveAsync(producer, "elsewhere", 800, "WMS");
        await MoveAsync(producer, "giant", 800, "POS");
        await MoveAsync(producer, "both", 1000, "POS", 2000m);
        await using var processor = await servers.StartProcessorAsync("--quality.rules-file", rules, "--quality.interval-seconds", "0.2");
        var status = await processor.WaitForEndAsync(ends);
        Assert.Equal((2, 2), (status.Totals.Accepted, status.Totals.DeadLetters));
        Assert.Equal(1300, await OnHandAsync(servers));
        await processor.WaitForMetricAsync("stockflow_quality_quarantined 2");
        await processor.WaitForMetricAsync(Failing + "1");

        var letter = servers.ReadAll(PipelineServers.DeadLetterTopic, 2).Single(one => Header(one, "dlq.message").Contains("800", StringComparison.Ordinal));
        Assert.Equal(("quarantined", "validate", "Rule 'giant' holds this RECEIPT: qty_delta of 800 units is above 500. It counts nowhere until somebody has looked at it: 'processor quality release --rule giant'."),
            (Header(letter, "dlq.reason"), Header(letter, "dlq.stage"), Header(letter, "dlq.message")));

        // Sending it again as it is would be of no use, and a header that was made for other bytes lets nothing pass.
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync(servers, DlqCommand.Create(), "replay", "--reason", "QUARANTINED", "--yes")).Code);
        var forged = Encoding.UTF8.GetBytes(Quarantine.Token("giant", letter.Message.Value));
        await MoveAsync(producer, "forged", 700, "POS", header: forged);
        Assert.Equal(3, (await processor.WaitForEndAsync(ends)).Totals.DeadLetters);

        var (dryCode, dry) = await RunAsync(servers, QualityCommand.Create(), "release", "--rule", "giant", "--dry-run");
        Assert.Equal((0, "3 would be released from rule giant\n"), (dryCode, dry));
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync(servers, QualityCommand.Create(), "release", "--rule", "dear", "--yes")).Code);
        Assert.Equal((0, "3 released from rule giant\n"), await RunAsync(servers, QualityCommand.Create(), "release", "--rule", "giant", "--yes", "--by", "eve"));
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync(servers, QualityCommand.Create(), "release", "--rule", "giant", "--yes")).Code);

        // One of them is held by the other rule too, and needs a release from that one as well.
        await UntilAcceptedAsync(processor, 4);
        Assert.Equal(2800, await OnHandAsync(servers));
        await processor.WaitForMetricAsync("stockflow_quality_quarantined 1");
        await processor.WaitForMetricAsync(Failing + "0");
        Assert.Equal(0, (await RunAsync(servers, QualityCommand.Create(), "release", "--rule", "dear", "--yes", "--by", "bob")).Code);
        await UntilAcceptedAsync(processor, 5);
        Assert.Equal(3800, await OnHandAsync(servers));
        await processor.WaitForMetricAsync("stockflow_quality_quarantined 0");

        var (_, listed) = await RunAsync(servers, QualityCommand.Create(), "quarantine", "list", "--format", "json");
        Assert.Equal(["dear bob", "giant eve", "giant eve", "giant eve"], listed.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).Select(one => $"{one.GetProperty("rule").GetString()} {one.GetProperty("released_by").GetString()}").Order());
        using var client = servers.ClickHouseClient();
        Assert.Equal(4, await client.QueryScalarAsync<long>("SELECT count() FROM quality_releases FINAL WHERE state = 'begun'"));
        Assert.Equal(200, await processor.GetAsync("/v1/quality"));
        Assert.Equal(200, await processor.GetAsync("/v1/events/both/lineage"));
        Assert.Equal(404, await processor.GetAsync("/v1/events/never/lineage"));
        Assert.Equal((0, true), await ListAsync(servers));
        Assert.Equal(0, await processor.StopAsync());
    }

    [Fact]
    public async Task A_wrong_rule_file_is_refused_before_anything_starts()
    {
        await File.WriteAllTextAsync(rules, "rules:\n  - { name: giant, kind: quarantine, severity: critical, description: d, when: { quantity_over: 500 } }\n");
        await using var processor = ProcessorProcess.Launch(["--quality.rules-file", rules]);
        Assert.Equal(2, await processor.WaitForExitAsync());
        Assert.Contains(":2: rules[0].when", processor.Output, StringComparison.Ordinal);
        Assert.Contains("unknown key 'quantity_over'", processor.Output, StringComparison.Ordinal);
    }

    private static async Task UntilAcceptedAsync(ProcessorProcess processor, long accepted) => await processor.WaitUntilAsync(status => status.Totals.Accepted >= accepted);

    private async Task<(int, bool)> ListAsync(PipelineServers servers)
    {
        var (code, output) = await RunAsync(servers, QualityCommand.Create(), "--rules", rules);
        return (code, output.Contains("giant", StringComparison.Ordinal) && output.Contains("pass", StringComparison.Ordinal));
    }

    private async Task MoveAsync(IProducer<byte[], byte[]> producer, string id, long units, string source, decimal? price = null, byte[]? header = null)
    {
        var sent = await producer.MoveAsync(Sku, Store, id, new() { ["qty_delta"] = units, ["source_system"] = source, ["unit_price"] = price, ["currency"] = price is null ? null : "GBP" },
            header is null ? null : new Headers { { Quarantine.ReleaseHeader, header } });
        ends[sent.Partition.Value] = sent.Offset.Value + 1;
    }

    private static async Task<long> OnHandAsync(PipelineServers servers)
    {
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        return (await store.GetAsync(Sku, Store, default))!.Value.State.OnHand;
    }

    private static string Header(ConsumeResult<byte[]?, byte[]?> letter, string name) => Encoding.UTF8.GetString(letter.Message.Headers.GetLastBytes(name));

    // Addresses by options, not by the environment, which tests of other commands share.
    private static async Task<(int Code, string Output)> RunAsync(PipelineServers servers, Command command, params string[] arguments)
    {
        string[] kafka = command.Name == "dlq" || arguments[0] is "release" or "quarantine" ? ["--bootstrap-servers", servers.Kafka.Bootstrap] : [];
        string[] clickHouse = command.Name == "quality" ? ["--clickhouse-url", servers.ClickHouse.Url.ToString()] : [];
        await using var output = new StringWriter();
        return (await command.Parse([.. arguments, .. kafka, .. clickHouse]).InvokeAsync(new InvocationConfiguration { Output = output }), output.ToString());
    }
}
