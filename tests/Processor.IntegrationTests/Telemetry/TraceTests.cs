using System.Globalization;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Telemetry;

[Collection(RebuildCollection.Name)]
public sealed partial class TraceTests(SharedClickHouse clickHouse)
{
    private static readonly string[] Stages = ["decode", "validate", "dedupe", "dead_letters", "positions", "history insert"];

    [Fact]
    public async Task One_trace_shows_an_event_from_its_producer_to_Redis_and_the_ledger()
    {
        const int events = 4000;
        await using var collector = await OtlpReceiver.StartAsync();
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var processor = await servers.StartProcessorAsync("--traces.endpoint", collector.Endpoint, "--traces.protocol", "http/protobuf");
        await using (var produce = ServerProcess.Start(ServerProcess.Processor,
            ["produce", "--bootstrap-servers", servers.Kafka.Bootstrap, "--events", $"{events}", "--seed", "5", "--skus", "300", "--locations", "10",
                "--traces-endpoint", collector.Endpoint, "--traces-protocol", "http/protobuf", "--traces-sample-ratio", "0.01"]))
        {
            Assert.Equal(0, await produce.WaitForExitAsync());
        }

        var published = collector.Spans.Where(span => span.Name == "inventory.movements publish").ToDictionary(span => span.SpanId);
        Assert.InRange(published.Count, 5, events / 10);
        await processor.WaitUntilAsync(
            () => Task.FromResult(collector.Spans.Count(span => span.Name == "inventory.movements process") == published.Count),
            () => $"{published.Count} events were published in a trace; the collector has {collector.Spans.Count} spans.");

        using var client = servers.ClickHouseClient();
        foreach (var span in collector.Spans.Where(span => span.Name == "inventory.movements process"))
        {
            var producer = published[span.ParentId];
            Assert.Equal(producer.TraceId, span.TraceId);
            var children = collector.Spans.Where(child => child.ParentId == span.SpanId).OrderBy(child => child.StartNanos).ToArray();
            Assert.Equal(Stages, children.Select(child => child.Name));
            Assert.All(children, child => Assert.True(child.TraceId == span.TraceId && child.StartNanos >= span.StartNanos && child.EndNanos <= span.EndNanos));

            // The place that the span tells is the event's in the history, with the same verdict.
            var place = new Dictionary<string, object?>
            {
                ["p"] = long.Parse(span.Attributes["messaging.destination.partition.id"], CultureInfo.InvariantCulture),
                ["o"] = long.Parse(span.Attributes["messaging.kafka.offset"], CultureInfo.InvariantCulture),
            };
            var verdict = await client.QueryScalarAsync<string>("SELECT replaceOne(toString(verdict), '_', '') FROM raw_events_current WHERE partition = {p:Int32} AND offset = {o:Int64}", place);
            Assert.Equal(span.Attributes["stockflow.verdict"], verdict, ignoreCase: true);
            if (verdict == "accepted")
            {
                Assert.Equal(span.Attributes["stockflow.event_id"], await client.QueryScalarAsync<string>("SELECT event_id FROM ledger_current WHERE partition = {p:Int32} AND offset = {o:Int64}", place));
            }
        }

        // A request goes on with its caller's trace.
        const string caller = "4bf92f3577b34da6a3ce929d0e0e4736";
        using var http = new HttpClient { BaseAddress = processor.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/status") { Headers = { { "traceparent", $"00-{caller}-00f067aa0ba902b7-01" } } };
        (await http.SendAsync(request)).EnsureSuccessStatusCode();
        await processor.WaitUntilAsync(() => Task.FromResult(collector.Spans.Any(span => span.TraceId == caller && span.ParentId == "00f067aa0ba902b7")), () => "The request's span has not come.");

        // A histogram's example is one of these traces.
        http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/openmetrics-text"));
        var metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        var examples = Example().Matches(metrics);
        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.Contains(collector.Spans, span => span.TraceId == example.Groups[1].Value));
        Assert.Contains($"stockflow_traces_followed_total {published.Count}\n", metrics, StringComparison.Ordinal);
        Assert.Equal(0, await processor.StopAsync());
    }

    [GeneratedRegex("stockflow_position_freshness_seconds_bucket\\{le=\"[^\"]+\"\\} [0-9]+ # \\{trace_id=\"([0-9a-f]{32})\"\\} [0-9.e-]+ [0-9.]+\n")]
    private static partial Regex Example();
}
