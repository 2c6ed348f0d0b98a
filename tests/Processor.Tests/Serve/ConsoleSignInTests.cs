using System.Net;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Xunit;

namespace Stockflow.Tests.Serve;

public sealed class ConsoleSignInTests : IAsyncLifetime
{
    private const string Key = "first-key-0123456789";
    private ConsoleBrowser browser = null!;

    public async Task InitializeAsync()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("stockflow").FullName, "keys");
        await File.WriteAllTextAsync(file, Key + "\n");
        browser = await ConsoleBrowser.OpenAsync(new HttpOptions("http://127.0.0.1:0", ApiKeyFile: file));
    }

    public async Task DisposeAsync() => await browser.DisposeAsync();

    [Theory]
    [InlineData("/")]
    [InlineData("/console/live")]
    [InlineData("/console/sku?sku=A")]
    [InlineData("/console/ledger?sku=A")]
    [InlineData("/console/explain?sku=A&location=L")]
    [InlineData("/console/reservations")]
    [InlineData("/console/counts")]
    [InlineData("/console/dead-letters")]
    [InlineData("/console/dead-letters/0/7")]
    public async Task Nothing_is_shown_before_the_sign_in(string path)
    {
        browser.Letters.Add(0, 7, "secret message");
        var html = await browser.PageAsync(path, HttpStatusCode.Unauthorized);
        Assert.Contains("name=\"key\" type=\"password\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain("secret message", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_opens_the_console_until_the_sign_out()
    {
        using var wrong = await browser.SendAsync("/console/sign-in", "/", ("key", "wrong-key-0123456789"), ("to", "/console/counts"));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Contains("There is no such key.", await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var foreign = await browser.SendAsync("/console/sign-in", null, ("key", Key));
        Assert.Equal(HttpStatusCode.Forbidden, foreign.StatusCode);
        using var command = await browser.SendAsync("/console/dead-letters/replay", "/", ("partition", "0"), ("offset", "7"));
        Assert.Equal(HttpStatusCode.Unauthorized, command.StatusCode);

        using var opened = await browser.SendAsync("/console/sign-in", "/", ("key", Key), ("to", "/console/counts"));
        Assert.Equal((HttpStatusCode.SeeOther, "/console/counts"), (opened.StatusCode, opened.Headers.Location!.ToString()));
        var cookie = opened.Headers.GetValues("Set-Cookie").Single(text => text.StartsWith("stockflow-session=", StringComparison.Ordinal));
        Assert.Contains("; max-age=28800; path=/; samesite=strict; httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Key, cookie, StringComparison.Ordinal);
        Assert.Contains("Sign out", await browser.PageAsync("/console/counts"), StringComparison.Ordinal);

        var stolen = browser.Cookies.Single(found => found.Name == "stockflow-session").Value;
        using var ended = await browser.SendAsync("/console/sign-out", "/console/counts");
        Assert.Equal(HttpStatusCode.SeeOther, ended.StatusCode);
        await browser.PageAsync("/console/counts", HttpStatusCode.Unauthorized);
        browser.Client.DefaultRequestHeaders.Add("Cookie", "stockflow-session=" + stolen);
        await browser.PageAsync("/console/counts", HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task The_style_and_the_key_of_the_API_need_no_session()
    {
        Assert.Equal(HttpStatusCode.OK, (await browser.Client.GetAsync(new Uri("/console/console.css", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.Client.GetAsync(new Uri("/v1/dead-letters", UriKind.Relative))).StatusCode);
        browser.Client.DefaultRequestHeaders.Authorization = new("Bearer", Key);
        Assert.Equal(HttpStatusCode.OK, (await browser.Client.GetAsync(new Uri("/v1/dead-letters", UriKind.Relative))).StatusCode);
    }

    [Fact]
    public void Sessions_end_with_their_time_and_when_there_are_too_many()
    {
        var clock = new Clock();
        var sessions = new ConsoleSessions(clock);
        var first = sessions.Start();
        Assert.True(sessions.IsOpen(first));
        Assert.False(sessions.IsOpen(null) || sessions.IsOpen("") || sessions.IsOpen(first.ToUpperInvariant() + "x"));
        clock.Now += ConsoleSessions.Lifetime;
        Assert.False(sessions.IsOpen(first));

        var second = sessions.Start();
        var third = sessions.Start();
        for (var i = 0; i < ConsoleSessions.Most - 1; i++)
        {
            sessions.Start();
        }

        Assert.False(sessions.IsOpen(second));
        Assert.True(sessions.IsOpen(third));
        sessions.End(third);
        Assert.False(sessions.IsOpen(third));
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
