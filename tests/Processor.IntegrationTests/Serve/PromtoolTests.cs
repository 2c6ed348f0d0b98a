using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.IntegrationTests.Serve;

public sealed class PromtoolTests
{
    [Fact]
    public async Task Promtool_finds_no_fault_in_what_metrics_tells()
    {
        var status = new ProcessorStatus { SourceConnected = true, GlobalWatermarkTs = 1, GlobalCloseTs = 1, Reconciled = new ReconcileResult(1, 1, 0, 0, 0, 0, 0, 0) };
        (status.Kafka, status.Redis, status.Tables) = (new KafkaUsage(1, [("1", 0.001)]), new RedisUsage(1, 0, 1, 1), [new TableUsage("ledger", 1, 1, 1, 1)]);
        var day = DateTime.UnixEpoch;
        (status.Quality, status.Quarantined) = ([new QualityResult("known_sku", "reference", "warning", "Known.", QualityStatus.Pass, day, day, day, 0, null, 0.1, 0, [])], 0);
        status.Lanes[0] = new LaneStatus { Topic = "inventory.movements", Partition = 0, Read = 3, WatermarkTs = 1, CloseTs = 1, Sources = [new SourceStatus("POS")] };
        status.Close.ThroughTs = 1;
        status.DeadLetterReasons[RejectReason.UnknownSku] = 1;
        await using var server = HttpServer.Build(new HttpOptions("http://127.0.0.1:0"), new NoPositions(), status, TimeProvider.System,
            new LogOptions(Level: LogLevel.None));
        await server.StartAsync(CancellationToken.None);
        using var client = new HttpClient { BaseAddress = new Uri(server.Addresses.Single()) };
        Metrics.RegistryRequests.Add(1, new KeyValuePair<string, object?>("outcome", "found"));
        Metrics.Commands.Add(1, new KeyValuePair<string, object?>("command", "reserve"), new KeyValuePair<string, object?>("outcome", "applied"));
        Metrics.StageDuration.Record(0.1, new KeyValuePair<string, object?>("stage", "decode"));
        Metrics.AtpReads.Record(0.1, new KeyValuePair<string, object?>("kind", "single"));
        await client.GetAsync(new Uri("/healthz", UriKind.Relative));
        var response = await client.GetAsync(new Uri("/metrics", UriKind.Relative));
        var text = await response.Content.ReadAsStringAsync();
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.All(Metrics.Catalogue, metric => Assert.Contains($"# TYPE {metric.Name} ", text, StringComparison.Ordinal));

        using var promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        await promtool.StandardInput.WriteAsync(text);
        promtool.StandardInput.Close();
        var faults = await promtool.StandardError.ReadToEndAsync() + await promtool.StandardOutput.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        Assert.Equal("", faults);
        Assert.Equal(0, promtool.ExitCode);
    }

    private sealed class NoPositions : IPositionReader
    {
        public Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token) => Task.FromResult<IReadOnlyList<StockPosition>>([]);

        public Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token) => Task.FromResult<StockPosition?>(null);

        public IAsyncEnumerable<StockPosition> ScanAsync(CancellationToken token) => throw new NotSupportedException();
    }
}
