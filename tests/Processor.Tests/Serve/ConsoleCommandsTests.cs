using System.Net;
using Stockflow.Serve.Console;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed class ConsoleCommandsTests : IAsyncLifetime
{
    private ConsoleBrowser browser = null!;

    public async Task InitializeAsync()
    {
        browser = await ConsoleBrowser.OpenAsync();
        browser.Letters.Add(0, 7, "why", value: [0, 1, 0xff]);
        browser.Letters.Add(0, 6, "cut", "its value was cut (it had 9 bytes)");
        browser.Reservations.Items.Add(new("r1", "held", "soft", "order-1", DateTime.UnixEpoch, null, true, [new("A", "L", 3)]));
        browser.Counts.Sheets.Add(new("c1", "waiting", "kim", DateTime.UnixEpoch, true, [new("A", "L", 5, 8, -30.5m, "GBP", "A")]));
    }

    public async Task DisposeAsync() => await browser.DisposeAsync();

    [Fact]
    public async Task A_letter_is_sent_once_however_often_the_button_is_pressed()
    {
        using var first = await browser.SendAsync("/console/dead-letters/replay", "/console/counts", ("partition", "0"), ("offset", "7"));
        using var second = await browser.SendAsync("/console/dead-letters/replay", "/console/counts", ("partition", "0"), ("offset", "7"));
        Assert.Equal(("/console/dead-letters/0/7?done=sent", "/console/dead-letters/0/7?done=already"), (first.Headers.Location!.ToString(), second.Headers.Location!.ToString()));
        Assert.Equal(["0:7"], browser.Letters.Sent);
        var page = await browser.PageAsync("/console/dead-letters/0/7?done=sent");
        Assert.Contains("The record was sent again.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<button>Replay", page, StringComparison.Ordinal);
        Assert.Contains("0001ff", page, StringComparison.Ordinal);

        using var refused = await browser.SendAsync("/console/dead-letters/replay", "/console/counts", ("partition", "0"), ("offset", "6"));
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Contains("its value was cut", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var none = await browser.SendAsync("/console/dead-letters/replay", "/console/counts", ("partition", "0"), ("offset", "5"));
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        using var wrong = await browser.SendAsync("/console/dead-letters/replay", "/console/counts", ("partition", "x"), ("offset", "5"));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Fact]
    public async Task A_count_is_decided_under_the_name_that_the_cookie_remembers()
    {
        Assert.Contains("disabled", await browser.PageAsync("/console/counts"), StringComparison.Ordinal);
        using var nobody = await browser.SendAsync("/console/counts/approve", "/console/counts", ("id", "c1"));
        Assert.Equal(HttpStatusCode.Conflict, nobody.StatusCode);
        await browser.SayWhoAsync("léa o'neil");
        var page = await browser.PageAsync("/console/counts");
        Assert.DoesNotContain(" disabled", page, StringComparison.Ordinal);
        Assert.Contains("-30.50 GBP", page, StringComparison.Ordinal);

        using var unknown = await browser.SendAsync("/console/counts/approve", "/console/counts", ("id", "c1"), ("root_cause", "weather"));
        Assert.Equal(HttpStatusCode.Conflict, unknown.StatusCode);
        using var done = await browser.SendAsync("/console/counts/approve", "/console/counts", ("id", "c1"), ("root_cause", "theft"), ("state", "waiting"));
        Assert.Equal((HttpStatusCode.SeeOther, "/console/counts?state=waiting&done=approved"), (done.StatusCode, done.Headers.Location!.ToString()));
        Assert.Equal(["c1 approved léa o'neil theft"], browser.Counts.Decided);
        Assert.Contains("The count is approved.", await browser.PageAsync("/console/counts?state=waiting&done=approved"), StringComparison.Ordinal);
        Assert.DoesNotContain("Count c1", await browser.PageAsync("/console/counts"), StringComparison.Ordinal);
        Assert.Contains("Count c1", await browser.PageAsync("/console/counts?state=all"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_is_shown_with_its_reason()
    {
        await browser.SayWhoAsync("kim");
        browser.Counts.Problem = "the counter may not decide <b>";
        using var refused = await browser.SendAsync("/console/counts/reject", "/console/counts", ("id", "c1"), ("reason", "count again"));
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Contains("Count c1 was not rejected: the counter may not decide &lt;b&gt;", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        browser.Counts.Problem = null;
        using var done = await browser.SendAsync("/console/counts/reject", "/console/counts", ("id", "c1"), ("reason", "count again"));
        Assert.Equal(["c1 rejected kim count again"], browser.Counts.Decided);
    }

    [Fact]
    public async Task A_reservation_is_released()
    {
        await browser.SayWhoAsync("kim");
        Assert.Contains("order-1", await browser.PageAsync("/console/reservations?state=held&sku=A"), StringComparison.Ordinal);
        Assert.DoesNotContain("order-1", await browser.PageAsync("/console/reservations?state=released"), StringComparison.Ordinal);
        using var done = await browser.SendAsync("/console/reservations/release", "/console/reservations", ("id", "r1"), ("sku", "A"));
        Assert.Equal("/console/reservations?sku=A&done=released", done.Headers.Location!.ToString());
        Assert.Equal(["r1 kim"], browser.Reservations.Released);
        using var none = await browser.SendAsync("/console/reservations/release", "/console/reservations", ("id", "r2"));
        Assert.Contains("there is no such reservation", await none.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/console/dead-letters/replay")]
    [InlineData("/console/counts/approve")]
    [InlineData("/console/counts/reject")]
    [InlineData("/console/reservations/release")]
    [InlineData("/console/person")]
    [InlineData("/console/sign-out")]
    public async Task A_form_of_another_site_is_refused(string path)
    {
        await browser.SayWhoAsync("kim");
        (string, string)[] fields = [("id", "c1"), ("partition", "0"), ("offset", "7"), ("person", "eve")];
        using var without = await browser.SendAsync(path, null, fields);
        using var wrong = await browser.SendAsync(path, null, [.. fields, ("form_token", new string('0', 64))]);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (without.StatusCode, wrong.StatusCode));

        browser.Client.DefaultRequestHeaders.Add("Origin", "http://evil.example");
        using var foreign = await browser.SendAsync(path, "/console/counts", fields);
        browser.Client.DefaultRequestHeaders.Remove("Origin");
        browser.Client.DefaultRequestHeaders.Add("Sec-Fetch-Site", "same-site");
        using var sibling = await browser.SendAsync(path, "/console/counts", fields);
        browser.Client.DefaultRequestHeaders.Remove("Sec-Fetch-Site");
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (foreign.StatusCode, sibling.StatusCode));

        using var content = new StringContent("{}", null, "application/json");
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.Client.PostAsync(new Uri(path, UriKind.Relative), content)).StatusCode);
        Assert.Empty(browser.Letters.Sent);
        Assert.Empty(browser.Counts.Decided);
        Assert.Empty(browser.Reservations.Released);
        Assert.Contains("value=\"kim\"", await browser.PageAsync("/console/counts"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/console/")]
    [InlineData("/console/\\evil")]
    [InlineData("/console/\r\nSet-Cookie: a=b")]
    public async Task A_form_leads_nowhere_else(string to)
    {
        using var answer = await browser.SendAsync("/console/person", "/console/counts", ("person", "kim"), ("to", to));
        Assert.Equal("/", answer.Headers.Location!.ToString());
    }

    [Fact]
    public async Task A_form_that_is_too_large_is_refused()
    {
        using var many = await browser.SendAsync("/console/person", "/console/counts", [.. Enumerable.Range(0, 40).Select(i => ($"f{i}", "x"))]);
        Assert.Equal(HttpStatusCode.BadRequest, many.StatusCode);
        using var large = await browser.SendAsync("/console/person", "/console/counts", ("person", new string('x', 100_000)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        using var control = await browser.SendAsync("/console/person", "/console/counts", ("person", "a\u0001b"));
        Assert.Equal(HttpStatusCode.BadRequest, control.StatusCode);
    }
}
