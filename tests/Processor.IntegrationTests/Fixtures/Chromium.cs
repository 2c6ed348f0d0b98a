using Microsoft.Playwright;
using Xunit;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>The system's Chromium, driven by Playwright; nothing is downloaded.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    public async Task InitializeAsync()
    {
        Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = "/usr/bin/chromium" });
    }

    /// <summary>A page of a visitor of its own.</summary>
    public async Task<Visitor> VisitAsync(Uri address, BrowserNewContextOptions? options = null)
    {
        options ??= new BrowserNewContextOptions();
        options.BaseURL = address.ToString();
        options.ViewportSize ??= new ViewportSize { Width = 1280, Height = 800 };
        var context = await browser.NewContextAsync(options);
        context.SetDefaultTimeout(15_000);
        return new Visitor(context, await context.NewPageAsync());
    }

    public async Task DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }

    /// <summary>One visitor. What the browser refuses or fails at is remembered: with a strict policy nothing may be refused.</summary>
    public sealed class Visitor : IAsyncDisposable
    {
        private readonly IBrowserContext context;

        public Visitor(IBrowserContext context, IPage page)
        {
            (this.context, Page) = (context, page);
            page.Console += (_, message) =>
            {
                if (message.Type is "error" or "warning")
                {
                    Complaints.Add(message.Text);
                }
            };
            page.PageError += (_, error) => Complaints.Add(error);
        }

        public IPage Page { get; }

        public List<string> Complaints { get; } = [];

        /// <summary>Writes NAME.png to the folder STOCKFLOW_SCREENSHOTS, or beside the tests.</summary>
        public Task ScreenshotAsync(string name)
        {
            var folder = Environment.GetEnvironmentVariable("STOCKFLOW_SCREENSHOTS") is { Length: > 0 } wanted ? wanted : Path.Combine(AppContext.BaseDirectory, "screenshots");
            return Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, name + ".png"), FullPage = true });
        }

        public ValueTask DisposeAsync() => context.DisposeAsync();
    }
}
