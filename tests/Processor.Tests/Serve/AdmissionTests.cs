using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed class AdmissionTests : IAsyncDisposable
{
    private const string FirstKey = "first-key-0123456789", SecondKey = "second-key-0123456789";
    private readonly FakePositions positions = new();
    private HttpServer? server;

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    [Fact]
    public void A_key_tells_its_name()
    {
        var keys = new ApiKeys(KeyFile($"# callers\n\n{FirstKey}\n  shop.web \t {SecondKey} \nshop.web third-key-0123456789\n"));
        Assert.Equal("key-1", keys.Find("Bearer " + FirstKey));
        Assert.Equal("shop.web", keys.Find("bearer " + SecondKey));
        Assert.Equal("shop.web", keys.Find("Bearer third-key-0123456789 "));
        foreach (var wrong in new[] { null, "", "Bearer", "Bearer ", FirstKey, "Basic " + FirstKey, "Bearer " + FirstKey[..^1], $"Bearer shop.web {SecondKey}", "Bearer # callers" })
        {
            Assert.Null(keys.Find(wrong));
        }
    }

    [Theory]
    [InlineData("", "holds no key")]
    [InlineData("# only a comment", "holds no key")]
    [InlineData("short", "line 1, holds a key of 5 characters; 16 is the least")]
    [InlineData("name short", "line 1, holds a key of 5 characters")]
    [InlineData("#\nna/me first-key-0123456789", "line 2, has a name that is not 1 to 64")]
    [InlineData("anonymous first-key-0123456789", "has the name 'anonymous'")]
    [InlineData("a b first-key-0123456789", "has 3 words")]
    [InlineData("a first-key-0123456789\nb first-key-0123456789", "line 2, holds a key that stands in an earlier line too")]
    public void A_line_that_can_not_be_a_key_is_named_without_the_key(string text, string problem)
    {
        var error = Assert.Throws<SetupException>(() => new ApiKeys(KeyFile(text)));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(FirstKey, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_65_is_refused() => Assert.Throws<SetupException>(() => new ApiKeys(KeyFile($"{new string('n', 65)} {FirstKey}")));

    [Fact]
    public async Task A_caller_beyond_the_rate_gets_429_and_others_go_on()
    {
        using var client = await StartAsync(new HttpOptions("http://127.0.0.1:0", ApiKeyFile: KeyFile($"one {FirstKey}\ntwo {SecondKey}"), RequestsPerSecond: 1, RequestBurst: 3));
        var refused = await UntilRefusedAsync(client, FirstKey);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType!.MediaType);
        Assert.Equal("too-many-requests", JsonDocument.Parse(await refused.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString());
        Assert.True(refused.Headers.RetryAfter!.Delta >= TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "/v1/status", SecondKey)).StatusCode);
    }

    [Fact]
    public async Task Wrong_keys_count_against_their_address()
    {
        using var client = await StartAsync(new HttpOptions("http://127.0.0.1:0", ApiKeyFile: KeyFile(FirstKey), RequestsPerSecond: 1, RequestBurst: 3));
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(client, "/v1/status", SecondKey)).StatusCode);
        await UntilRefusedAsync(client, SecondKey);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "/v1/status", FirstKey)).StatusCode);
    }

    [Fact]
    public async Task Probes_and_scrapers_are_never_refused()
    {
        using var client = await StartAsync(new HttpOptions("http://127.0.0.1:0", RequestsPerSecond: 1, RequestBurst: 1, ConcurrentRequests: 1));
        await UntilRefusedAsync(client, null);
        foreach (var path in new[] { "/healthz", "/readyz", "/metrics", "/HEALTHZ" })
        {
            for (var i = 0; i < 5; i++)
            {
                Assert.NotEqual(HttpStatusCode.TooManyRequests, (await GetAsync(client, path, null)).StatusCode);
            }
        }
    }

    [Fact]
    public async Task Zero_sets_no_bound()
    {
        using var client = await StartAsync(new HttpOptions("http://127.0.0.1:0", RequestsPerSecond: 0, ConcurrentRequests: 0));
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "/v1/status", null)).StatusCode);
        }
    }

    [Fact]
    public async Task More_requests_at_once_than_are_answered_are_refused_until_one_ends()
    {
        positions.Hang = true;
        using var client = await StartAsync(new HttpOptions("http://127.0.0.1:0", ConcurrentRequests: 2, RequestTimeoutSeconds: 600));
        using var leave = new CancellationTokenSource();
        var hanging = Enumerable.Range(0, 2).Select(_ => client.GetAsync(new Uri("/v1/positions/A/B", UriKind.Relative), leave.Token)).ToArray();
        while (positions.Hanging < 2)
        {
            await Task.WhenAny(hanging.Append(Task.Delay(10)));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, (await GetAsync(client, "/v1/status", null)).StatusCode);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(hanging));
        await UntilAsync(client, HttpStatusCode.OK);
    }

    [Fact]
    public void Callers_without_a_key_are_anonymous()
    {
        var context = new DefaultHttpContext();
        Assert.Equal("anonymous", Caller.Of(context));
        Caller.Set(context, "shop");
        Assert.Equal("shop", Caller.Of(context));
    }

    [Fact]
    public void Addresses_share_a_bounded_number_of_allowances()
    {
        var random = new Random(1);
        var bytes = new byte[4];
        var allowances = new HashSet<string>();
        for (var i = 0; i < 100_000; i++)
        {
            random.NextBytes(bytes);
            allowances.Add(Admission.AllowanceOf(new IPAddress(bytes)));
        }

        Assert.InRange(allowances.Count, 4000, 4096);
        Assert.Equal(Admission.AllowanceOf(IPAddress.Parse("10.0.0.1")), Admission.AllowanceOf(IPAddress.Parse("::ffff:10.0.0.1")));
        Assert.Equal(Admission.AllowanceOf(IPAddress.Parse("2001:db8::1")), Admission.AllowanceOf(IPAddress.Parse("2001:db8::ffff:2")));
        Assert.NotEmpty(Admission.AllowanceOf(null));
    }

    [Theory]
    [InlineData(-1, 0, 1, "http.requests-per-second")]
    [InlineData(1, -1, 1, "http.request-burst")]
    [InlineData(1, 0, -1, "http.concurrent-requests")]
    public void A_bound_that_can_not_be_is_named(int rate, int burst, int concurrent, string setting)
    {
        var error = Assert.Throws<SetupException>(new HttpOptions(RequestsPerSecond: rate, RequestBurst: burst, ConcurrentRequests: concurrent).Validate);
        Assert.Contains(setting, error.Message, StringComparison.Ordinal);
    }

    private static string KeyFile(string text)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("stockflow").FullName, "keys");
        File.WriteAllText(file, text);
        return file;
    }

    private static async Task<HttpResponseMessage> GetAsync(HttpClient client, string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return await client.SendAsync(request);
    }

    // A slow machine gets some allowance back meanwhile, so there is no telling which request is the first beyond it.
    private static async Task<HttpResponseMessage> UntilRefusedAsync(HttpClient client, string? key)
    {
        for (var i = 0; i < 1000; i++)
        {
            if (await GetAsync(client, "/v1/status", key) is { StatusCode: HttpStatusCode.TooManyRequests } refused)
            {
                return refused;
            }
        }

        throw new InvalidOperationException("Nothing was refused.");
    }

    private static async Task UntilAsync(HttpClient client, HttpStatusCode status)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while ((await client.GetAsync(new Uri("/v1/status", UriKind.Relative), limit.Token)).StatusCode != status)
        {
            await Task.Yield();
        }
    }

    private async Task<HttpClient> StartAsync(HttpOptions options)
    {
        server = HttpServer.Build(options, positions, new ProcessorStatus(), TimeProvider.System, new LogOptions(Level: Microsoft.Extensions.Logging.LogLevel.None));
        await server.StartAsync(CancellationToken.None);
        return new HttpClient { BaseAddress = new Uri(server.Addresses.Single()) };
    }
}
