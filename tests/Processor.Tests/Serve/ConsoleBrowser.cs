using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Stockflow.Telemetry;

namespace Stockflow.Tests.Serve;

/// <summary>A server with fakes behind it and one visitor with cookies who follows no redirects.</summary>
internal sealed partial class ConsoleBrowser : IAsyncDisposable
{
    private readonly HttpClientHandler handler = new() { AllowAutoRedirect = false, CookieContainer = new CookieContainer() };
    private HttpServer server = null!;

    public FakePositions Live { get; } = new();

    public FakeHistory Past { get; } = new();

    public FakeCounts Counts { get; } = new();

    public FakeReservations Reservations { get; } = new();

    public FakeDeadLetters Letters { get; } = new();

    public ProcessorStatus Status { get; } = new() { PositionsConnected = true, SourceConnected = true };

    public HttpClient Client { get; private set; } = null!;

    public IEnumerable<Cookie> Cookies => handler.CookieContainer.GetAllCookies();

    public static async Task<ConsoleBrowser> OpenAsync(HttpOptions? options = null, bool withServices = true)
    {
        var browser = new ConsoleBrowser();
        browser.server = HttpServer.Build(options ?? new HttpOptions("http://127.0.0.1:0"), browser.Live, browser.Status, TimeProvider.System, new LogOptions(Level: LogLevel.None),
            withServices ? browser.Past : null,
            console: withServices ? new ConsoleServices { Counts = browser.Counts, Reservations = browser.Reservations, DeadLetters = browser.Letters } : null);
        await browser.server.StartAsync(CancellationToken.None);
        browser.Client = new HttpClient(browser.handler) { BaseAddress = new Uri(browser.server.Addresses.Single()) };
        return browser;
    }

    public async Task<string> PageAsync(string path, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var response = await Client.GetAsync(new Uri(path, UriKind.Relative));
        var html = await response.Content.ReadAsStringAsync();
        Xunit.Assert.True(expected == response.StatusCode, $"{path}: {(int)response.StatusCode} {html}");
        Xunit.Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return html;
    }

    /// <summary>Sends a form with the token of a page.</summary>
    public async Task<HttpResponseMessage> SendAsync(string path, string? from, params (string Name, string Value)[] fields)
    {
        var all = fields.ToDictionary(field => field.Name, field => field.Value);
        if (from is not null)
        {
            all["form_token"] = Token().Match(await (await Client.GetAsync(new Uri(from, UriKind.Relative))).Content.ReadAsStringAsync()).Groups[1].Value;
        }

        using var content = new FormUrlEncodedContent(all);
        return await Client.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    public async Task SayWhoAsync(string person)
    {
        using var answer = await SendAsync("/console/person", "/console/counts", ("person", person), ("to", "/console/counts"));
        Xunit.Assert.Equal((HttpStatusCode.SeeOther, "/console/counts"), (answer.StatusCode, answer.Headers.Location!.ToString()));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        handler.Dispose();
        await server.DisposeAsync();
    }

    [GeneratedRegex("name=\"form_token\" value=\"([0-9a-f]{64})\"")]
    private static partial Regex Token();
}
