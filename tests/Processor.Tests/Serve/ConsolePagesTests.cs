using System.Net;
using System.Text.RegularExpressions;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed partial class ConsolePagesTests : IAsyncLifetime
{
    private const string Hostile = "<script>alert(1)</script>\"'&";
    private static readonly long Noon = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private ConsoleBrowser browser = null!;

    public async Task InitializeAsync() => browser = await ConsoleBrowser.OpenAsync();

    public async Task DisposeAsync() => await browser.DisposeAsync();

    public static TheoryData<string> Pages() =>
    [
        "/", "/console/sku", "/console/sku?sku=A", "/console/sku?sku=A&at=2026-03-01", "/console/explain?sku=A&location=L", "/console/ledger", "/console/ledger?sku=A",
        "/console/reservations", "/console/counts", "/console/dead-letters", "/console/dead-letters/0/7",
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Every_page_is_guarded_and_can_be_used_without_a_mouse(string path)
    {
        browser.Live.Put("A", "L", new PositionState { OnHand = 1 });
        browser.Letters.Add(0, 7, "why");
        using var response = await browser.Client.GetAsync(new Uri(path, UriKind.Relative));
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; style-src 'self'; script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", response.Headers.GetValues("X-Frame-Options").Single());
        Assert.True(response.Headers.CacheControl!.NoStore);

        var html = await browser.PageAsync(path);
        Assert.StartsWith("<!DOCTYPE html>\n<html lang=\"en\">", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch(Inline(), html);
        Assert.All(Script().Matches(html), script => Assert.Matches("^<script src=\"/console/console\\.js\\?v=[0-9a-f]{12}\" defer></script>$", script.Value));
        foreach (var part in new[] { "<main id=\"main\"", "href=\"#main\"", "<nav aria-label", "<h1>", "<footer>", "<title>" })
        {
            Assert.Contains(part, html, StringComparison.Ordinal);
        }

        Assert.Equal(Tables().Count(html), Captions().Count(html));
        Assert.All(Fields().Matches(html).Select(match => match.Groups[1].Value), id => Assert.Contains($"<label for=\"{id}\"", html, StringComparison.Ordinal));
        Assert.DoesNotContain("http://", html, StringComparison.Ordinal);
        Assert.DoesNotContain("https://", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_live_flow_tells_lanes_reasons_and_rates()
    {
        var lane = browser.Status.Lanes[3] = new LaneStatus { Topic = "t", Partition = 3, Read = 1000, NextOffset = 5, EndOffset = 1239, WatermarkTs = Noon };
        browser.Status.DeadLetterReasons[RejectReason.UnknownSku] = 17;
        var first = await browser.PageAsync("/");
        Assert.Contains("<th scope=\"row\">t/3</th>", first, StringComparison.Ordinal);
        Assert.Contains(">1,234<", first, StringComparison.Ordinal);
        Assert.Contains("2026-03-01 12:00:00", first, StringComparison.Ordinal);
        Assert.Contains("<th scope=\"row\">unknown_sku</th><td class=\"n\">17</td>", first, StringComparison.Ordinal);
        Assert.Contains("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>", first, StringComparison.Ordinal);
        Assert.Contains("data-refresh=\"/console/live\"", first, StringComparison.Ordinal);

        lane.Read += 500;
        var part = await browser.PageAsync("/console/live");
        Assert.DoesNotContain("<html", part, StringComparison.Ordinal);
        browser.Status.SourceConnected = false;
        Assert.Contains("Not ready", await browser.PageAsync("/console/live"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lookup_shows_every_location_and_leads_to_the_ledger()
    {
        browser.Live.Put("A", "L/1", new PositionState { OnHand = 1234, LastEventTs = Noon });
        browser.Live.Put("A", "K", new PositionState { OnHand = -5, LastEventTs = Noon });
        var html = await browser.PageAsync("/console/sku?sku=A");
        Assert.Null(browser.Past.Asked);
        Assert.Contains("<a href=\"/console/ledger?sku=A&amp;location=L%2F1\">1,234</a>", html, StringComparison.Ordinal);
        Assert.Contains("<td class=\"n negative\">", html, StringComparison.Ordinal);
        Assert.Contains("/console/explain?sku=A&amp;location=K", html, StringComparison.Ordinal);
        Assert.Contains(">1,229</td>", html, StringComparison.Ordinal);
        Assert.Contains("SKU none has no position.", await browser.PageAsync("/console/sku?sku=none"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Times_ask_the_history_by_text_and_by_slider()
    {
        browser.Live.Put("A", "L", new PositionState { OnHand = 1, LastEventTs = Noon });
        var html = await browser.PageAsync("/console/sku?sku=A&at=2026-03-01T11:00Z&known_at=2026-03-02");
        Assert.Equal(new AsOf(Noon - 3_600_000, Noon + 43_200_000), browser.Past.Asked);
        Assert.Contains("As of 2026-03-01T11:00:00.000Z, as known at 2026-03-02T00:00:00.000Z", html, StringComparison.Ordinal);
        Assert.Contains("to=2026-03-01T11%3A00%3A00.000Z&amp;known_at=2026-03-02T00%3A00%3A00.000Z\">7</a>", html, StringComparison.Ordinal);

        var slid = await browser.PageAsync($"/console/sku?sku=A&by=sliders&at_slider={Noon - 1000}&at_most={Noon}&known_at_slider=5&known_at_most=5");
        Assert.Equal(Noon - 1000, browser.Past.Asked!.Value.At);
        Assert.Contains("value=\"2026-03-01T11:59:59.000Z\"", slid, StringComparison.Ordinal);
        Assert.Contains("as known at this moment", slid, StringComparison.Ordinal);

        var wrong = await browser.PageAsync("/console/sku?sku=A&at=2026-13-01", HttpStatusCode.BadRequest);
        Assert.Contains("13 is not from 1 to 12 at character 6", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_locations_come_in_pages()
    {
        for (var i = 0; i < 60; i++)
        {
            browser.Live.Put("A", $"L{i:000}", new PositionState { OnHand = 1 });
        }

        var first = await browser.PageAsync("/console/sku?sku=A");
        Assert.Contains("<th scope=\"row\">L049</th>", first, StringComparison.Ordinal);
        Assert.DoesNotContain("<th scope=\"row\">L050</th>", first, StringComparison.Ordinal);
        Assert.Contains("/console/sku?sku=A&amp;at_span=30d&amp;known_at_span=30d&amp;after=L049", first, StringComparison.Ordinal);
        var second = await browser.PageAsync("/console/sku?sku=A&after=L049");
        Assert.Contains("<th scope=\"row\">L050</th>", second, StringComparison.Ordinal);
        Assert.DoesNotContain("More locations", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ledger_comes_in_pages_that_share_one_time_of_knowing()
    {
        for (var offset = 60; offset > 0; offset--)
        {
            browser.Past.Entries.Add(Entry(offset));
        }

        var first = await browser.PageAsync("/console/ledger?sku=A&location=L&to=2026-03-01T12:00:00Z");
        Assert.Equal((Noon + 1, "L", 50), (browser.Past.Question!.Until, browser.Past.Question.LocationId, browser.Past.Question.Limit));
        var known = browser.Past.Question.KnownAt;
        var next = WebUtility.HtmlDecode(Next().Match(first).Groups[1].Value);
        var second = await browser.PageAsync(next);
        Assert.Equal((known, 11L), (browser.Past.Question.KnownAt, browser.Past.Question.After!.Value.Offset));
        Assert.Contains("e10<", second, StringComparison.Ordinal);
        Assert.DoesNotContain("Older entries", second, StringComparison.Ordinal);
        Assert.Contains("another list", await browser.PageAsync(next.Replace("sku=A", "sku=B", StringComparison.Ordinal), HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ids_from_the_data_can_not_become_markup()
    {
        browser.Live.Put(Hostile, Hostile, new PositionState { OnHand = 1 });
        browser.Live.Put("A", Hostile, new PositionState { OnHand = 1 });
        browser.Past.Entries.Add(Entry(1) with { EventId = Hostile, LocationId = Hostile, ReferenceId = Hostile, SourceSystem = Hostile });
        browser.Letters.Add(0, 7, Hostile);
        browser.Reservations.Items.Add(new(Hostile, "held", Hostile, Hostile, DateTime.UnixEpoch, null, true, [new(Hostile, Hostile, 1)]));
        browser.Counts.Sheets.Add(new(Hostile, "waiting", Hostile, DateTime.UnixEpoch, true, [new(Hostile, Hostile, 1, 2, 3, Hostile, Hostile)]));
        var query = Uri.EscapeDataString(Hostile);
        foreach (var path in new[]
                 {
                     $"/console/sku?sku={query}", "/console/sku?sku=A", $"/console/explain?sku=A&location={query}", $"/console/ledger?sku={query}&location={query}",
                     "/console/dead-letters", "/console/dead-letters/0/7", "/console/reservations", $"/console/reservations?sku={query}", "/console/counts",
                 })
        {
            var html = await browser.PageAsync(path);
            Assert.DoesNotContain("<script>", html, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("\"'&\"", html, StringComparison.Ordinal);
            Assert.Contains("&lt;script&gt;", html, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("<script>", await browser.PageAsync($"/console/sku?sku=A&at={query}", HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", await browser.PageAsync($"/console/ledger?sku=A&to={query}", HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Parts_that_are_absent_say_so()
    {
        await browser.DisposeAsync();
        browser = await ConsoleBrowser.OpenAsync(withServices: false);
        Assert.Contains("Commands are unavailable", await browser.PageAsync("/console/reservations"), StringComparison.Ordinal);
        Assert.Contains("Commands are unavailable", await browser.PageAsync("/console/counts"), StringComparison.Ordinal);
        Assert.Contains("reads no dead letters", await browser.PageAsync("/console/dead-letters"), StringComparison.Ordinal);
        Assert.Contains("does not answer", await browser.PageAsync("/console/ledger?sku=A", HttpStatusCode.ServiceUnavailable), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failures_are_pages_too()
    {
        browser.Live.Failure = new StoreUnavailableException("secret.host refused");
        var html = await browser.PageAsync("/console/sku?sku=A", HttpStatusCode.ServiceUnavailable);
        Assert.DoesNotContain("secret.host", html, StringComparison.Ordinal);
        Assert.Contains("sku stands 2 times", await browser.PageAsync("/console/sku?sku=A&sku=B", HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Contains("more than 64", await browser.PageAsync("/console/sku?sku=" + new string('x', 65), HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Contains("no dead letter", await browser.PageAsync("/console/dead-letters/0/999", HttpStatusCode.NotFound), StringComparison.Ordinal);
        Assert.Contains("another list", await browser.PageAsync("/console/counts?cursor=bad", HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Contains("no such state", await browser.PageAsync("/console/counts?state=x", HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_style_sheet_and_the_script_are_kept_by_their_hash()
    {
        var html = await browser.PageAsync("/");
        foreach (var (path, type) in new[] { ("/console/console.css?v=", "text/css"), ("/console/console.js?v=", "text/javascript") })
        {
            var at = html.IndexOf(path, StringComparison.Ordinal);
            using var response = await browser.Client.GetAsync(new Uri(html.Substring(at, path.Length + 12), UriKind.Relative));
            Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
            Assert.Equal(TimeSpan.FromDays(365), response.Headers.CacheControl!.MaxAge);
            var text = await response.Content.ReadAsStringAsync();
            Assert.DoesNotContain("http", text.Replace("http-equiv", "", StringComparison.Ordinal), StringComparison.Ordinal);
            Assert.InRange(text.Length, 1000, 16 * 1024);
        }
    }

    private static LedgerEntry Entry(long offset) => new()
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
        Currency = "",
        SourceSystem = "POS",
        ReferenceId = "r",
        Stocked = true,
    };

    [GeneratedRegex("<script[^>]*>[^<]*</script>|<script[^>]*>")]
    private static partial Regex Script();

    [GeneratedRegex("<script>|<style|\\sstyle=|\\son[a-z]+=|javascript:", RegexOptions.IgnoreCase)]
    private static partial Regex Inline();

    [GeneratedRegex("<table")]
    private static partial Regex Tables();

    [GeneratedRegex("<caption")]
    private static partial Regex Captions();

    [GeneratedRegex("<(?:input|select) id=\"([^\"]+)\"")]
    private static partial Regex Fields();

    [GeneratedRegex("<a href=\"([^\"]+)\" rel=\"next\"")]
    private static partial Regex Next();
}
