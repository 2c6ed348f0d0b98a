using System.Globalization;
using Spectre.Console;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary>One moment of a demo.</summary>
internal sealed record DemoMoment(TimeSpan Elapsed, long Sent, long Target, double SentPerSecond, StatusPayload? Status, int Restarts);

/// <summary>Shows a demo's progress: a live table on a terminal, else a line a second.</summary>
internal sealed class DemoView
{
    private readonly bool isLive = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;
    private readonly Lock gate = new();
    private readonly Queue<string> waiting = new();
    private LiveDisplayContext? live;
    private Table? table;

    /// <summary>Prints one sentence of the demo's own.</summary>
    public void Say(string text)
    {
        lock (gate)
        {
            if (live is not null)
            {
                waiting.Enqueue(text);
                return;
            }

            Console.Out.WriteLine(text);
        }
    }

    /// <summary>Shows moments while <paramref name="watch"/> runs.</summary>
    public async Task ShowAsync(Func<Action<DemoMoment>, Task> watch)
    {
        if (!isLive)
        {
            await watch(moment => Console.Out.WriteLine(Line(moment)));
            return;
        }

        table = new Table().Border(TableBorder.Rounded).AddColumn("Stockflow demo").AddColumn(new TableColumn("now").RightAligned());
        try
        {
            await AnsiConsole.Live(table).AutoClear(false).StartAsync(async context =>
            {
                live = context;
                await watch(Render);
            });
        }
        finally
        {
            lock (gate)
            {
                live = null;
                while (waiting.TryDequeue(out var text))
                {
                    Console.Out.WriteLine(text);
                }
            }
        }
    }

    internal static string Line(DemoMoment moment)
    {
        var target = moment.Target > 0 ? $"/{Number(moment.Target)}" : "";
        var head = string.Create(CultureInfo.InvariantCulture, $"{moment.Elapsed.TotalSeconds,4:0} s  sent {Number(moment.Sent)}{target} ({Number((long)moment.SentPerSecond)}/s)");
        if (moment.Status is not { } status)
        {
            return head + "  the processor is starting";
        }

        var totals = status.Totals;
        return head + string.Create(CultureInfo.InvariantCulture,
            $"  lag {Number(totals.Lag)}  watermark {Watermark(status)}  accepted {Number(totals.Accepted)}  duplicates {Number(totals.Duplicates)}  late {Number(totals.Late)}  dead letters {Number(totals.DeadLetters)}{Reasons(status)}  fresh {Freshness(status)}");
    }

    private static string Reasons(StatusPayload status)
    {
        var most = status.DeadLetterReasons.OrderByDescending(reason => reason.Value).Take(3).ToList();
        return most.Count == 0 ? "" : $" ({string.Join(", ", most.Select(reason => $"{reason.Key} {Number(reason.Value)}"))}{(status.DeadLetterReasons.Count > 3 ? ", ..." : "")})";
    }

    private static string Freshness(StatusPayload status) =>
        status.Freshness is { } f ? string.Create(CultureInfo.InvariantCulture, $"p50 {f.P50:0.00} s p95 {f.P95:0.00} s") : "-";

    private static string Watermark(StatusPayload status) => status.Watermark?.ToString("MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "-";

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private void Render(DemoMoment moment)
    {
        lock (gate)
        {
            table!.Rows.Clear();
            Row("time", string.Create(CultureInfo.InvariantCulture, $"{moment.Elapsed.TotalSeconds:0} s"));
            Row("sent", Number(moment.Sent) + (moment.Target > 0 ? $" of {Number(moment.Target)}" : ""));
            Row("rate", $"{Number((long)moment.SentPerSecond)}/s");
            if (moment.Status is { } status)
            {
                Row("lag", Number(status.Totals.Lag));
                Row("watermark", Watermark(status));
                Row("accepted", Number(status.Totals.Accepted));
                Row("duplicates", Number(status.Totals.Duplicates));
                Row("late", Number(status.Totals.Late));
                Row("late counts to settle", Number(status.Totals.Unsettled));
                Row("ATP freshness", Freshness(status));
                Row("dead letters", Number(status.Totals.DeadLetters));
                foreach (var (reason, count) in status.DeadLetterReasons)
                {
                    Row("  " + reason, Number(count));
                }
            }
            else
            {
                Row("processor", "starting");
            }

            if (moment.Restarts > 0)
            {
                Row("processor restarts", Number(moment.Restarts));
            }

            foreach (var text in waiting)
            {
                Row(text, "");
            }

            live!.Refresh();
        }
    }

    private void Row(string name, string value) => table!.AddRow(Markup.Escape(name), Markup.Escape(value));
}
