using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed class HttpServerTests : IAsyncLifetime, IDisposable
{
    private static readonly long Noon = new DateTimeOffset(2026, 3, 1, 12, 0, 0, 250, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private readonly FakePositions reader = new();
    private readonly ProcessorStatus status = new();
    private HttpClient client = new();
    private HttpServer? server;

    public Task InitializeAsync() => StartAsync(new HttpOptions("http://127.0.0.1:0"));

    public async Task DisposeAsync() => await server!.DisposeAsync();

    public void Dispose() => client.Dispose();

    [Fact]
    public async Task A_position_is_told_in_units_and_UTC()
    {
        reader.Put("85123A", "UK", new PositionState { OnHand = 10, Unsellable = 1, Reserved = 2, InTransitIn = 3, InTransitOut = 4, LastEventTs = Noon, Version = 7 });
        var response = await client.GetAsync(new Uri("/v1/positions/85123A/UK", UriKind.Relative));
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("\"7\"", response.Headers.ETag!.Tag);
        Assert.Empty(response.Headers.Server);
        Assert.Equal(
            """{"sku_id":"85123A","location_id":"UK","on_hand":10,"unsellable":1,"reserved":2,"in_transit_in":3,"in_transit_out":4,"available":7,"last_event_ts":"2026-03-01T12:00:00.25Z","last_count_ts":null,"version":7}""",
            await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("\"7\"", HttpStatusCode.NotModified)]
    [InlineData("\"6\", W/\"7\"", HttpStatusCode.NotModified)]
    [InlineData("*", HttpStatusCode.NotModified)]
    [InlineData("\"6\", \"77\"", HttpStatusCode.OK)]
    [InlineData("7", HttpStatusCode.OK)]
    public async Task A_position_that_the_caller_has_is_not_sent_again(string known, HttpStatusCode status)
    {
        reader.Put("A", "B", new PositionState { Version = 7 });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/positions/A/B");
        Assert.True(request.Headers.TryAddWithoutValidation("If-None-Match", known));
        Assert.Equal(status, (await client.SendAsync(request)).StatusCode);
    }

    [Theory]
    [InlineData("a b", "x/y", "/v1/positions/a%20b/x%2Fy")]
    [InlineData("a%2Fb", "ü", "/v1/positions/a%252Fb/%C3%BC")]
    [InlineData("a?b#c", "1+1", "/v1/positions/a%3Fb%23c/1+1?unused=/z")]
    public async Task Ids_may_hold_any_character(string sku, string location, string path)
    {
        reader.Put(sku, location, new PositionState { OnHand = 5 });
        var one = await JsonAsync(path, HttpStatusCode.OK);
        Assert.Equal(sku, one.GetProperty("sku_id").GetString());
        Assert.Equal(location, one.GetProperty("location_id").GetString());
    }

    [Fact]
    public async Task All_locations_of_a_SKU_come_in_order()
    {
        reader.Put("A", "L2", new PositionState { OnHand = 2 });
        reader.Put("A", "L1", new PositionState { OnHand = 1 });
        var all = await JsonAsync("/v1/positions/A", HttpStatusCode.OK);
        Assert.Equal(["L1", "L2"], all.GetProperty("positions").EnumerateArray().Select(p => p.GetProperty("location_id").GetString()!));
    }

    [Theory]
    [InlineData("/v1/positions/none", 404, "position-not-found")]
    [InlineData("/v1/positions/none/none", 404, "position-not-found")]
    [InlineData("/v1/positions/a//", 400, "bad-id")]
    [InlineData("/v1/positions/", 400, "bad-id")]
    [InlineData("/v1/nothing", 404, "no-such-path")]
    public async Task Failures_are_problem_details(string path, int code, string name)
    {
        var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(code, (int)response.StatusCode);
        Assert.Equal(code, problem.GetProperty("status").GetInt32());
        Assert.Equal(name, problem.GetProperty("code").GetString());
        Assert.StartsWith("urn:stockflow:problem:", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
    }

    [Fact]
    public async Task Writing_is_refused()
    {
        using var body = new StringContent("{}");
        var response = await client.PostAsync(new Uri("/v1/status", UriKind.Relative), body);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task A_store_that_does_not_answer_is_503_and_a_bug_is_500()
    {
        reader.Failure = new StoreUnavailableException("connection refused");
        Assert.Equal("store-unavailable", (await JsonAsync("/v1/positions/A/B", HttpStatusCode.ServiceUnavailable)).GetProperty("code").GetString());
        reader.Failure = new InvalidOperationException("secret");
        var bug = await JsonAsync("/v1/positions/A", HttpStatusCode.InternalServerError);
        Assert.DoesNotContain("secret", bug.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_never_answers_ends_in_503()
    {
        reader.Hang = true;
        await RestartAsync(new HttpOptions("http://127.0.0.1:0", RequestTimeoutSeconds: 0.05));
        Assert.Equal("timeout", (await JsonAsync("/v1/positions/A/B", HttpStatusCode.ServiceUnavailable)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Readiness_names_what_is_missing_and_liveness_does_not_wait()
    {
        status.PositionsConnected = true;
        await JsonAsync("/healthz", HttpStatusCode.OK);
        var missing = await JsonAsync("/readyz", HttpStatusCode.ServiceUnavailable);
        Assert.Equal(["source"], missing.GetProperty("missing").EnumerateArray().Select(name => name.GetString()!));
        status.SourceConnected = true;
        status.AwaitingRebuild[3] = true;
        missing = await JsonAsync("/readyz", HttpStatusCode.ServiceUnavailable);
        Assert.Equal(["rebuild"], missing.GetProperty("missing").EnumerateArray().Select(name => name.GetString()!));
        status.AwaitingRebuild.Clear();

        // Positions can be promised without the history.
        Assert.False(status.HistoryConnected);
        Assert.Equal("ready", (await JsonAsync("/readyz", HttpStatusCode.OK)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Status_sums_the_lanes()
    {
        status.Lanes[0] = new LaneStatus { Topic = "t", Partition = 0, Read = 5, Accepted = 3, Duplicates = 1, DeadLetters = 1, NextOffset = 5, EndOffset = 9, WatermarkTs = Noon };
        status.Lanes[1] = new LaneStatus { Topic = "t", Partition = 1, Read = 2, Accepted = 2, Late = 1, Unsettled = 1, WatermarkTs = Noon - 1000 };
        status.Lanes[2] = new LaneStatus { Topic = "t", Partition = 2 };
        status.DeadLetterReasons[RejectReason.UnknownSku] = 1;
        var answer = await JsonAsync("/v1/status", HttpStatusCode.OK);
        var totals = answer.GetProperty("totals");
        Assert.Equal(
            """{"read":7,"accepted":5,"duplicates":1,"deadLetters":1,"late":1,"replayed":0,"unsettled":1,"lag":4}""", totals.GetRawText());
        Assert.Equal("""{"unknown_sku":1}""", answer.GetProperty("deadLetterReasons").GetRawText());
        Assert.Equal("2026-03-01T11:59:59.25Z", answer.GetProperty("watermark").GetString());
        Assert.Equal([0, 1, 2], answer.GetProperty("lanes").EnumerateArray().Select(lane => lane.GetProperty("partition").GetInt32()));
    }

    [Fact]
    public async Task Freshness_comes_from_the_histogram()
    {
        Metrics.Freshness.Record(0.2);
        var freshness = (await JsonAsync("/v1/status", HttpStatusCode.OK)).GetProperty("freshness");
        Assert.True(freshness.GetProperty("max").GetDouble() >= 0.2);
        Assert.Contains("stockflow_position_freshness_seconds_bucket{le=\"0.25\"}", await client.GetStringAsync(new Uri("/metrics", UriKind.Relative)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_opens_v1_only_and_health_needs_none()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("stockflow").FullName, "keys");
        await File.WriteAllTextAsync(file, "# two keys\nfirst-key-0123456789\nsecond-key-0123456789\n");
        await RestartAsync(new HttpOptions("http://127.0.0.1:0", ApiKeyFile: file));
        await JsonAsync("/healthz", HttpStatusCode.OK);
        Assert.Equal("unauthorized", (await JsonAsync("/v1/status", HttpStatusCode.Unauthorized)).GetProperty("code").GetString());
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "second-key-0123456780");
        await JsonAsync("/V1/status", HttpStatusCode.Unauthorized);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "second-key-0123456789");
        await JsonAsync("/v1/status", HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1:1", "http.urls")]
    [InlineData("nonsense", "http.urls")]
    [InlineData("http://somewhere.invalid:1", "http.urls")]
    [InlineData("https://127.0.0.1:0", "http.certificate-file")]
    public void A_setting_that_can_not_work_is_named(string urls, string setting)
    {
        var error = Assert.Throws<SetupException>(() => HttpServer.Build(new HttpOptions(urls), reader, status, TimeProvider.System));
        Assert.Contains(setting, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Https_answers_with_the_certificate_of_the_file()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=stockflow.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var folder = Directory.CreateTempSubdirectory("stockflow").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "tls.crt"), made.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(folder, "tls.key"), key.ExportPkcs8PrivateKeyPem());
        await RestartAsync(new HttpOptions("https://127.0.0.1:0",
            CertificateFile: Path.Combine(folder, "tls.crt"), CertificateKeyFile: Path.Combine(folder, "tls.key")));
        string? presented = null;
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, shown, _, _) => (presented = shown!.Subject) == made.Subject };
        using var secure = new HttpClient(handler) { BaseAddress = client.BaseAddress };
        Assert.Equal(HttpStatusCode.OK, (await secure.GetAsync(new Uri("/healthz", UriKind.Relative))).StatusCode);
        Assert.Equal("CN=stockflow.test", presented);
    }

    [Fact]
    public async Task A_taken_port_is_one_clear_line()
    {
        await using var second = HttpServer.Build(new HttpOptions(server!.Addresses.Single()), reader, status, TimeProvider.System);
        var error = await Assert.ThrowsAsync<SetupException>(() => second.StartAsync(CancellationToken.None));
        Assert.Contains("address already in use", error.Message, StringComparison.Ordinal);
    }

    private async Task<JsonElement> JsonAsync(string path, HttpStatusCode expected)
    {
        var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(expected == response.StatusCode, $"{(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private async Task RestartAsync(HttpOptions options)
    {
        await server!.DisposeAsync();
        await StartAsync(options);
    }

    private async Task StartAsync(HttpOptions options)
    {
        server = HttpServer.Build(options, reader, status, TimeProvider.System, new LogOptions(Level: Microsoft.Extensions.Logging.LogLevel.None));
        await server.StartAsync(CancellationToken.None);
        client.Dispose();
        client = new HttpClient { BaseAddress = new Uri(server.Addresses.Single()) };
    }
}
