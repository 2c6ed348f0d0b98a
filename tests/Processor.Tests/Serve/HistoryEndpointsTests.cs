using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed class HistoryEndpointsTests : IAsyncLifetime, IDisposable
{
    private static readonly long Noon = new DateTimeOffset(2026, 3, 1, 12, 0, 0, 250, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private readonly FakePositions live = new();
    private readonly FakeHistory past = new();
    private HttpServer server = null!;
    private HttpClient client = null!;

    public async Task InitializeAsync()
    {
        server = HttpServer.Build(new HttpOptions("http://127.0.0.1:0"), live, new ProcessorStatus(), TimeProvider.System, new LogOptions(Level: LogLevel.None), past);
        await server.StartAsync(CancellationToken.None);
        client = new HttpClient { BaseAddress = new Uri(server.Addresses.Single()) };
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    public void Dispose() => client?.Dispose();

    [Fact]
    public async Task A_position_is_live_without_times_and_of_the_ledger_with_one()
    {
        live.Put("A", "L", new PositionState { OnHand = 1 });
        Assert.Equal(1, (await JsonAsync("/v1/positions/A/L", 200)).GetProperty("on_hand").GetInt64());
        Assert.Null(past.Asked);

        var told = await JsonAsync("/v1/positions/A/L?at=2026-03-01T12:00:00.250Z&known_at=1772366401000", 200);
        Assert.Equal(new AsOf(Noon, 1772366401000), past.Asked);
        Assert.Equal((7, "2026-03-01T12:00:00.25Z", "2026-03-01T12:00:01Z"),
            (told.GetProperty("on_hand").GetInt64(), told.GetProperty("at").GetString(), told.GetProperty("known_at").GetString()));

        await JsonAsync("/v1/positions/A/L?known_at=0", 200);
        Assert.Equal(new AsOf(AsOf.Everything, 0), past.Asked);
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await JsonAsync("/v1/positions/A/L?at=2026-03-01T13:00:00.25%2B01:00", 200);
        Assert.Equal(Noon, past.Asked!.Value.At);
        Assert.InRange(past.Asked.Value.KnownAt, before, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        Assert.Equal("position-not-found", (await JsonAsync("/v1/positions/B/L?at=5", 404)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("/v1/positions/A/L?at=2026-13-01", "at '2026-13-01' is no time: 13 is not from 1 to 12 at character 6")]
    [InlineData("/v1/positions/A/L?at=5&known_at=yesterday", "known_at 'yesterday' is no time: a digit is missing at character 1")]
    [InlineData("/v1/positions/A/L?at=1&at=2", "at stands 2 times")]
    [InlineData("/v1/positions/A/L?at=", "at '' is no time")]
    [InlineData("/v1/positions/A?at=5", "need a location")]
    [InlineData("/v1/positions/A/L/explain?when=5", "there is no parameter 'when', only at, known_at")]
    [InlineData("/v1/ledger", "sku is missing")]
    [InlineData("/v1/ledger?sku=", "sku must have 1 to 64 characters")]
    [InlineData("/v1/ledger?sku=A&limit=1001", "limit '1001' is not a number from 1 to 1000")]
    [InlineData("/v1/ledger?sku=A&limit=-1", "limit '-1'")]
    [InlineData("/v1/ledger?sku=A&from=9&to=8", "from is later than to")]
    [InlineData("/v1/ledger?sku=A&cursor=zzz", "cursor is not one that this API gave")]
    [InlineData("/v1/ledger?sku=A&cursor=bnVsbA", "cursor is not one that this API gave")]
    public async Task What_is_wrong_is_named_with_its_place(string path, string detail) =>
        Assert.Contains(detail, (await JsonAsync(path, 400)).GetProperty("detail").GetString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("/v1/positions/A/L?at=5")]
    [InlineData("/v1/positions/A/L/explain")]
    [InlineData("/v1/ledger?sku=A")]
    public async Task A_history_that_is_away_is_503_with_the_time_to_come_back(string path)
    {
        past.Failure = new StoreUnavailableException("refused");
        var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "5"), (response.StatusCode, response.Headers.RetryAfter?.ToString()));
        Assert.Contains("history-unavailable", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_explanation_tells_what_adds_up_to_on_hand()
    {
        var told = await JsonAsync("/v1/positions/A/L/explain?at=5000", 200);
        Assert.Equal(7, told.GetProperty("position").GetProperty("on_hand").GetInt64());
        Assert.Equal("k1", told.GetProperty("count").GetProperty("corrected_by")[0].GetString());
        Assert.Equal(7, told.GetProperty("count").GetProperty("counted").GetInt64() + told.GetProperty("since").EnumerateArray().Sum(sum => sum.GetProperty("on_hand").GetInt64()));
        Assert.Equal([0L], told.GetProperty("before_count").EnumerateArray().Select(sum => sum.GetProperty("on_hand").GetInt64()));
        Assert.Equal(("x", 4), (told.GetProperty("held_corrections")[0].GetProperty("movement").GetString(), told.GetProperty("open_transfers")[0].GetProperty("open").GetInt64()));
    }

    [Fact]
    public async Task Pages_share_one_time_of_knowing_and_a_cursor_serves_its_own_question_only()
    {
        for (var offset = 5; offset > 0; offset--)
        {
            past.Entries.Add(new LedgerEntry
            {
                Topic = "t",
                Partition = 1,
                Offset = offset,
                EventId = $"e{offset}",
                EventTs = Noon,
                RecordedTs = Noon,
                SkuId = "A",
                LocationId = "L",
                CounterpartId = "",
                MovementType = "SALE",
                Quantity = -1,
                UnitPrice = 9.99m,
                Currency = "GBP",
                SourceSystem = "POS",
                ReferenceId = "r",
                Stocked = true,
            });
        }

        var first = await JsonAsync("/v1/ledger?sku=A&location=L&limit=2&from=2026-01-01", 200);
        Assert.Equal(["e5", "e4"], first.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("event_id").GetString()!));
        Assert.Equal("""{"event_id":"e5","movement_type":"SALE","event_ts":"2026-03-01T12:00:00.25Z","recorded_at":"2026-03-01T12:00:00.25Z","location_id":"L","counterpart_location_id":null,"quantity":-1,"counted":null,"unit_price":9.99,"currency":"GBP","source_system":"POS","reference_id":"r","stocked":true,"effect_of":null,"corrects":null,"record":"t/1/5"}""",
            first.GetProperty("entries")[0].GetRawText());
        var (cursor, knownAt) = (first.GetProperty("next").GetString()!, past.Question!.KnownAt);
        var second = await JsonAsync($"/v1/ledger?sku=A&location=L&limit=3&from=2026-01-01&cursor={cursor}", 200);
        Assert.Equal(["e3", "e2", "e1"], second.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("event_id").GetString()!));
        Assert.Equal(knownAt, past.Question.KnownAt);
        Assert.Equal(first.GetProperty("known_at").GetString(), second.GetProperty("known_at").GetString());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next").ValueKind);
        foreach (var other in new[] { "sku=B&location=L&from=2026-01-01", "sku=A&from=2026-01-01", "sku=A&location=L", "sku=A&location=L&from=2026-01-01&known_at=5" })
        {
            Assert.Contains("another question", (await JsonAsync($"/v1/ledger?{other}&cursor={cursor}", 400)).GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("2026-03-01", 1772323200000)]
    [InlineData("2026-03-01T12:00", 1772366400000)]
    [InlineData("2026-03-01 12:00:00.1239999Z", 1772366400123)]
    [InlineData("2026-03-01T12:00:00-0130", 1772371800000)]
    [InlineData("2024-02-29T00:00:00Z", 1709164800000)]
    [InlineData("9999999999999", 9999999999999)]
    public void Times_are_read_exactly(string text, long milliseconds)
    {
        Assert.True(TimeText.TryRead(text, out var read, out var problem), problem);
        Assert.Equal(milliseconds, read);
    }

    [Theory]
    [InlineData("2025-02-29", 9)]
    [InlineData("2026-03-01T24:00:00Z", 12)]
    [InlineData("2026-03-01T12", 14)]
    [InlineData("2026-03-01T12:00:00.Z", 21)]
    [InlineData("2026-03-01T12:00:00Zz", 21)]
    [InlineData("2026-03-01T12:00:00+1", 22)]
    [InlineData("99999999999999", 5)]
    [InlineData("-5", 1)]
    public void A_wrong_time_is_told_with_its_character(string text, int character)
    {
        Assert.False(TimeText.TryRead(text, out _, out var problem));
        Assert.Contains($" at character {character};", problem, StringComparison.Ordinal);
    }

    private async Task<JsonElement> JsonAsync(string path, int expected)
    {
        var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(expected == (int)response.StatusCode, $"{(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
