using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Stockflow.Telemetry;
using Stockflow.Tests.Serve;
using Xunit;

namespace Stockflow.IntegrationTests.Serve;

/// <summary>People at the console, in a real browser.</summary>
public sealed class ConsoleTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private static readonly long Noon = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    // Text of every element against the background behind it (WCAG 2.2, 1.4.3); what is disabled is exempt.
    private const string Contrast = """
        () => {
          const parse = text => (text.match(/[\d.]+/g) ?? []).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const back = node => {
            for (; node; node = node.parentElement) {
              const colour = parse(getComputedStyle(node).backgroundColor);
              if (colour.length === 3 || colour[3] > 0) { return colour; }
            }
            return [255, 255, 255];
          };
          return [...document.querySelectorAll('body *')]
            .filter(node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()) && !node.closest(':disabled, noscript, script'))
            .map(node => {
              const [a, b] = [light(parse(getComputedStyle(node).color)), light(back(node))];
              return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.outerHTML.slice(0, 80)];
            })
            .filter(([ratio]) => ratio < 4.5).map(([ratio, html]) => ratio.toFixed(2) + ' ' + html);
        }
        """;

    private readonly FakePositions live = new();
    private readonly FakeHistory past = new();
    private readonly FakeCounts counts = new();
    private readonly FakeReservations reservations = new();
    private readonly FakeDeadLetters letters = new();
    private readonly ProcessorStatus status = new() { PositionsConnected = true, SourceConnected = true, GlobalWatermarkTs = Noon };
    private HttpServer server = null!;

    private Uri Address => new(server.Addresses.Single());

    public async Task InitializeAsync()
    {
        for (var i = 1; i <= 6; i++)
        {
            live.Put("A", $"STORE-{i}", new PositionState { OnHand = 1240 / i, Unsellable = i, Reserved = 2 * i, InTransitIn = 12, LastEventTs = Noon, LastCountTs = Noon - 86_400_000 });
            status.Lanes[i] = new LaneStatus { Topic = "inventory.movements", Partition = i, Read = 1000 * i, Accepted = 900 * i, NextOffset = 100, EndOffset = 100 + i, WatermarkTs = Noon };
        }

        status.DeadLetterReasons[RejectReason.UnknownSku] = 17;
        for (var offset = 40; offset > 0; offset--)
        {
            letters.Add(0, offset, "there is no SKU '99999Z' in the reference data", value: [0, 0, 0, 0, 99, 1, 2, 0xff]);
            past.Entries.Add(Entry(offset));
        }

        counts.Sheets.Add(new("sheet-1", "waiting", "kim", new DateTime(2026, 3, 1, 9, 0, 0, DateTimeKind.Utc), true,
            [new("A", "STORE-1", 1231, 1240, -41.4m, "GBP", "A"), new("B", "STORE-1", 12, 11, 3.2m, "GBP", "C")]));
        counts.Sheets.Add(new("sheet-2", "waiting", "lee", new DateTime(2026, 3, 1, 9, 30, 0, DateTimeKind.Utc), true, [new("C", "STORE-2", 0, 6, null, null, null)]));
        reservations.Items.Add(new("r-1", "held", "soft", "order-1", new DateTime(2026, 3, 1, 9, 0, 0, DateTimeKind.Utc), new DateTime(2026, 3, 1, 9, 15, 0, DateTimeKind.Utc), true,
            [new("A", "STORE-1", 3), new("B", "STORE-2", 1)]));
        server = HttpServer.Build(new HttpOptions("http://127.0.0.1:0"), live, status, TimeProvider.System, new LogOptions(Level: LogLevel.None), past,
            console: new ConsoleServices { Counts = counts, Reservations = reservations, DeadLetters = letters });
        await server.StartAsync(CancellationToken.None);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task The_live_flow_refreshes_itself_and_can_be_paused()
    {
        await using var visitor = await chromium.VisitAsync(Address);
        var page = visitor.Page;
        await page.GotoAsync("/");
        status.Lanes[1].Read += 50_000;
        await Assertions.Expect(page.GetByRole(AriaRole.Row, new() { Name = "inventory.movements/1" })).ToContainTextAsync("51,000");
        await Assertions.Expect(page.GetByRole(AriaRole.Img)).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("Ready and up to date.");
        await Assertions.Expect(page.Locator("polyline")).ToHaveAttributeAsync("points", new System.Text.RegularExpressions.Regex("( .*){3}"));
        await visitor.ScreenshotAsync("flow");

        status.SourceConnected = false;
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Not ready");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        status.SourceConnected = true;
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("Ready and up to date.");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_lookup_follows_the_sliders()
    {
        await using var visitor = await chromium.VisitAsync(Address);
        var page = visitor.Page;
        await page.GotoAsync("/console/sku");
        await page.GetByLabel("SKU").FillAsync("A");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Row, new() { Name = "STORE-1" })).ToContainTextAsync("1,240");
        await visitor.ScreenshotAsync("lookup");

        var slider = page.GetByRole(AriaRole.Group, new() { Name = "Event time" }).GetByRole(AriaRole.Slider);
        await slider.FocusAsync();
        await page.Keyboard.PressAsync("Home");
        await Assertions.Expect(page.Locator("#positions")).ToContainTextAsync("As of 2026-01-30T12:00:00.000Z");
        await Assertions.Expect(page.GetByRole(AriaRole.Row, new() { Name = "STORE-1" })).ToContainTextAsync("7");
        Assert.Equal(Noon - (30L * 86_400_000), past.Asked!.Value.At);
        Assert.Contains("at=2026-01-30T12%3A00%3A00.000Z", page.Url, StringComparison.Ordinal);
        await page.Keyboard.PressAsync("End");
        await Assertions.Expect(page.Locator("#positions")).ToContainTextAsync("Now, as the stream says.");
        await page.Locator("#known_at").FillAsync("2026-03-01T10:00:00Z");
        await page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(page.Locator("#positions")).ToContainTextAsync("as known at 2026-03-01T10:00:00.000Z");
        await page.ReloadAsync();
        await Assertions.Expect(page.Locator("#positions")).ToContainTextAsync("as known at 2026-03-01T10:00:00.000Z");
        await visitor.ScreenshotAsync("as-of");

        await page.GetByRole(AriaRole.Link, new() { Name = "Explain STORE-1" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Why a position is what it is");
        await visitor.ScreenshotAsync("explain");
        await page.GetByRole(AriaRole.Link, new() { Name = "Ledger", Exact = true }).Last.ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Table)).ToContainTextAsync("SALE");
        await visitor.ScreenshotAsync("ledger");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Without_a_script_the_sliders_are_a_form()
    {
        await using var visitor = await chromium.VisitAsync(Address, new BrowserNewContextOptions { JavaScriptEnabled = false });
        var page = visitor.Page;
        await page.GotoAsync("/console/sku?sku=A");
        await page.Locator("#at_slider").FocusAsync();
        await page.Keyboard.PressAsync("Home");
        await page.GetByRole(AriaRole.Button, new() { Name = "Look up by the sliders" }).ClickAsync();
        await Assertions.Expect(page.Locator("#positions")).ToContainTextAsync("As of 2026-01-30T12:00:00.000Z, as known at this moment");

        // The flow loads itself anew.
        await page.GotoAsync("/");
        await page.WaitForRequestAsync(request => new Uri(request.Url).AbsolutePath == "/");
    }

    [Fact]
    public async Task A_count_is_approved_with_the_keyboard_alone()
    {
        await using var visitor = await chromium.VisitAsync(Address);
        var page = visitor.Page;
        await page.GotoAsync("/console/counts");
        await page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "Skip to content" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await TabToAsync(page, "Your id");
        await page.Keyboard.TypeAsync("lea");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Approve sheet-1" })).ToBeEnabledAsync();
        await visitor.ScreenshotAsync("counts");

        await TabToAsync(page, "Root cause");
        await page.Keyboard.TypeAsync("miscount");
        await TabToAsync(page, "Approve sheet-1");
        Assert.Equal("3px", await page.EvaluateAsync<string>("() => getComputedStyle(document.activeElement).outlineWidth"));
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("The count is approved.");
        Assert.Equal(["sheet-1 approved lea miscount"], counts.Decided);
        await Assertions.Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(1);
        await visitor.ScreenshotAsync("counts-approved");
        Assert.Empty(visitor.Complaints);
    }

    [Theory]
    [InlineData(ColorScheme.Light, "rgb(246, 247, 249)")]
    [InlineData(ColorScheme.Dark, "rgb(18, 22, 28)")]
    public async Task Every_page_can_be_read_in_light_and_dark_and_on_a_narrow_screen(ColorScheme scheme, string background)
    {
        await using var visitor = await chromium.VisitAsync(Address, new BrowserNewContextOptions { ColorScheme = scheme });
        var page = visitor.Page;
        foreach (var (name, path) in new[]
                 {
                     ("flow", "/"), ("lookup", "/console/sku?sku=A&at=2026-03-01"), ("explain", "/console/explain?sku=A&location=STORE-1"), ("ledger", "/console/ledger?sku=A"),
                     ("reservations", "/console/reservations"), ("counts", "/console/counts"), ("letters", "/console/dead-letters"), ("letter", "/console/dead-letters/0/40"),
                 })
        {
            await page.SetViewportSizeAsync(1280, 800);
            await page.GotoAsync(path);
            Assert.Equal(background, await page.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor"));
            var faint = await page.EvaluateAsync<JsonElement>(Contrast);
            Assert.True(faint.GetArrayLength() == 0, $"{path}: {faint}");
            await visitor.ScreenshotAsync($"{name}-{scheme.ToString().ToUpperInvariant()}");
            await page.SetViewportSizeAsync(320, 640);
            Assert.True(await page.EvaluateAsync<int>("() => document.documentElement.scrollWidth") <= 320, $"{path} is wider than the screen");
            await visitor.ScreenshotAsync($"{name}-{scheme.ToString().ToUpperInvariant()}-narrow");
        }

        Assert.Empty(visitor.Complaints);
    }

    private static async Task TabToAsync(IPage page, string label)
    {
        const string name = "() => { const e = document.activeElement; return (e.labels?.[0] ?? e).textContent.replace(/\\s+/g, ' ').trim(); }";
        for (var i = 0; i < 50; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            if (await page.EvaluateAsync<string>(name) == label)
            {
                return;
            }
        }

        Assert.Fail($"Tab does not lead to '{label}'");
    }

    private static LedgerEntry Entry(long offset) => new()
    {
        Topic = "inventory.movements",
        Partition = 1,
        Offset = offset,
        EventId = $"0195f3a0-0000-7000-8000-{offset:000000000000}",
        EventTs = Noon - ((40 - offset) * 60_000),
        RecordedTs = Noon,
        SkuId = "A",
        LocationId = "STORE-1",
        CounterpartId = "",
        MovementType = "SALE",
        Quantity = -offset,
        Currency = "GBP",
        SourceSystem = "POS",
        ReferenceId = $"receipt-{offset}",
        Stocked = true,
    };
}
