using System.Globalization;
using Spectre.Console;
using Stockflow.Source.Import;

namespace Stockflow.Commands;

/// <summary>The progress bar of an import on standard error; a plain line every few seconds where that is no terminal.</summary>
internal sealed class ImportProgressView : IAsyncDisposable
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(200), Plain = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource ended = new();
    private readonly string name;
    private readonly Task shown;
    private readonly Lock gate = new();
    private ImportProgress latest = new(true, 0, 0, 0);
    private bool disposed;

    private ImportProgressView(string path, bool quiet)
    {
        name = Path.GetFileName(path);
        shown = quiet ? Task.CompletedTask : Console.IsErrorRedirected ? LinesAsync() : BarAsync();
    }

    public static ImportProgressView Start(string path, bool quiet) => new(path, quiet);

    public void Report(ImportProgress progress)
    {
        lock (gate)
        {
            latest = progress;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!disposed)
        {
            disposed = true;
            await ended.CancelAsync();
            await shown;
            ended.Dispose();
        }
    }

    private ImportProgress Latest()
    {
        lock (gate)
        {
            return latest;
        }
    }

    private async Task BarAsync()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var reading = context.AddTask("reading " + Markup.Escape(name), maxValue: 1);
                var sending = context.AddTask("sending", maxValue: 1);
                while (true)
                {
                    var stopped = await WaitAsync(Refresh);
                    var now = Latest();
                    reading.Value = now.Scanning ? now.Fraction : 1;
                    sending.Value = now.Scanning ? 0 : stopped && now.Rows - now.Row < 5_000 ? 1 : now.Fraction;
                    if (stopped)
                    {
                        return;
                    }
                }
            });
    }

    private async Task LinesAsync()
    {
        while (!await WaitAsync(Plain))
        {
            var now = Latest();
            await Console.Error.WriteLineAsync(now.Scanning
                ? string.Create(CultureInfo.InvariantCulture, $"{name}: reading, {now.Row:N0} records, {now.Fraction:P0}")
                : string.Create(CultureInfo.InvariantCulture, $"{name}: sending, {now.Row:N0} of {now.Rows:N0} records"));
        }
    }

    private async Task<bool> WaitAsync(TimeSpan time)
    {
        await Task.Delay(time, ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return ended.IsCancellationRequested;
    }
}
