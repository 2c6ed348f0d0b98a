using System.Net;
using System.Text.Json;
using Stockflow.Commands;
using Stockflow.Model;
using Stockflow.Serve;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed class DeadLetterEndpointsTests : IAsyncLifetime
{
    private ConsoleBrowser browser = null!;

    public async Task InitializeAsync()
    {
        browser = await ConsoleBrowser.OpenAsync();
        for (var offset = 9; offset > 4; offset--)
        {
            browser.Letters.Add(0, offset, "why", offset == 5 ? "it has no header dlq.topic" : null, [0, 1]);
        }
    }

    public async Task DisposeAsync() => await browser.DisposeAsync();

    [Fact]
    public async Task Letters_come_in_pages_and_one_by_one()
    {
        var first = await JsonAsync("/v1/dead-letters?limit=3", 200);
        Assert.Equal(["0:9", "0:8", "0:7"], Ids(first));
        var second = await JsonAsync("/v1/dead-letters?limit=3&cursor=" + first.GetProperty("next").GetString(), 200);
        Assert.Equal(["0:6", "0:5"], Ids(second));
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next").ValueKind);
        var one = await JsonAsync("/v1/dead-letters/0/9", 200);
        Assert.Equal(("AAE=", "trace", "unknown_sku"),
            (one.GetProperty("value_base64").GetString(), one.GetProperty("headers")[0].GetProperty("name").GetString(), one.GetProperty("reason").GetString()));
        Assert.False(first.GetProperty("dead_letters")[0].TryGetProperty("value_base64", out _));
    }

    [Theory]
    [InlineData("/v1/dead-letters?limit=0", 400, "bad-parameter")]
    [InlineData("/v1/dead-letters?limit=101", 400, "bad-parameter")]
    [InlineData("/v1/dead-letters?cursor=0", 400, "bad-parameter")]
    [InlineData("/v1/dead-letters?cursor=0-1.0-2", 400, "bad-parameter")]
    [InlineData("/v1/dead-letters/0/99", 404, "dead-letter-not-found")]
    [InlineData("/v1/dead-letters/0/x", 404, "no-such-path")]
    public async Task Failures_are_problem_details(string path, int code, string name) =>
        Assert.Equal(name, (await JsonAsync(path, code)).GetProperty("code").GetString());

    [Fact]
    public async Task A_replay_needs_a_key_of_the_caller_and_happens_once()
    {
        Assert.Equal("idempotency-key-missing", (await PostAsync("/v1/dead-letters/0/9/replay", null, 400)).GetProperty("code").GetString());
        var first = await PostAsync("/v1/dead-letters/0/9/replay", "mine", 200);
        var again = await PostAsync("/v1/dead-letters/0/9/replay", "mine", 200);
        Assert.Equal(first.GetRawText(), again.GetRawText());
        Assert.Equal(("mine", "sent"),
            (first.GetProperty("replay").GetProperty("idempotency_key").GetString(), first.GetProperty("replay").GetProperty("state").GetString()));
        Assert.Equal(["0:9"], browser.Letters.Sent);
        Assert.Equal("dead-letter-not-replayable", (await PostAsync("/v1/dead-letters/0/5/replay", "mine", 409)).GetProperty("code").GetString());
        Assert.Equal("dead-letter-not-found", (await PostAsync("/v1/dead-letters/1/5/replay", "mine", 404)).GetProperty("code").GetString());
        Assert.Equal("bad-parameter", (await PostAsync("/v1/dead-letters/0/8/replay", new string('x', 129), 400)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Kafka_that_is_away_is_503()
    {
        browser.Letters.Failure = new StoreUnavailableException("no broker");
        Assert.Equal("dead-letters-unavailable", (await JsonAsync("/v1/dead-letters", 503)).GetProperty("code").GetString());
        await browser.PageAsync("/console/dead-letters", HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public void A_page_takes_the_latest_of_all_partitions_and_tells_where_each_one_ended()
    {
        DeadLetterWindow<int> busy = new(0, 0, 7, 10, [(9, 90), (8, 80), (7, 20)]), quiet = new(1, 0, 3, 6, [(5, 85)]), gone = new(2, 4, 4, 4, []);
        var page = DeadLetterMerge.Take([busy, quiet, gone], 3, letter => DateTime.UnixEpoch.AddSeconds(letter), out var next);
        Assert.Equal([90, 85, 80], page);
        Assert.Equal("0-8.1-3.2-4", DeadLetterCursor.Write(next));
        Assert.Equal(next, DeadLetterCursor.Read("0-8.1-3.2-4"));

        // What was not taken stays below its end.
        page = DeadLetterMerge.Take([busy, quiet], 1, letter => DateTime.UnixEpoch.AddSeconds(letter), out next);
        Assert.Equal(("90", "0-9.1-6"), (string.Join(',', page), DeadLetterCursor.Write(next)));
        page = DeadLetterMerge.Take([new DeadLetterWindow<int>(0, 7, 7, 10, [(9, 1)])], 3, letter => DateTime.UnixEpoch.AddSeconds(letter), out next);
        Assert.Null(next);
    }

    private static IEnumerable<string> Ids(JsonElement page) => page.GetProperty("dead_letters").EnumerateArray().Select(letter => letter.GetProperty("id").GetString()!);

    private async Task<JsonElement> JsonAsync(string path, int code)
    {
        using var response = await browser.Client.GetAsync(new Uri(path, UriKind.Relative));
        return await ReadAsync(response, code);
    }

    private async Task<JsonElement> PostAsync(string path, string? key, int code)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var response = await browser.Client.SendAsync(request);
        return await ReadAsync(response, code);
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, int code)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(code == (int)response.StatusCode, $"{(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
