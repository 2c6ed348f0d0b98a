using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary><c>processor query explain</c> and <c>processor query ledger</c>: why a position is what it is, and the movements behind it.</summary>
internal static class HistoryQueries
{
    private const int PageSize = 1000;

    // Ids of other scripts stay readable; nothing here ends up in a page of HTML.
    internal static readonly ServeJson Plain = new(new JsonSerializerOptions(ServeJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static Option<string?> At() => new("--at") { Description = "Events that happened until then: ISO 8601, or a duration back from now such as 2h or 7d. Default: all.", HelpName = "time" };

    public static Option<string?> KnownAt() => new("--known-at") { Description = "What was known then: ISO 8601 or a duration back from now. Default: now.", HelpName = "time" };

    /// <summary>The query string of a position's HTTP address.</summary>
    public static string AsOfQuery(string? at, string? knownAt)
    {
        var parts = new List<string>(2);
        Add("at", "--at", at);
        Add("known_at", "--known-at", knownAt);
        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);

        void Add(string name, string option, string? text)
        {
            if (text is not null)
            {
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{name}={Milliseconds(text, option)}"));
            }
        }
    }

    public static Command Explain()
    {
        var (sku, location) = (QueryCommand.Sku(), new Argument<string>("location") { Description = "Store or distribution centre." });
        var (url, key, json, at, knownAt) = (Peers.HttpUrl(), Peers.ApiKeyFile(), QueryCommand.Json("Print the API's JSON."), At(), KnownAt());
        var command = new Command("explain", $"""
            Why a position is what it is: the last count and the movements since, corrections, and transfers on their way.

            {ExitCode.Help}
            """) { sku, location, at, knownAt, url, key, json };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("query explain", async () =>
        {
            var path = $"v1/positions/{Uri.EscapeDataString(parsed.GetRequiredValue(sku))}/{Uri.EscapeDataString(parsed.GetRequiredValue(location))}/explain"
                + AsOfQuery(parsed.GetValue(at), parsed.GetValue(knownAt));
            var (code, body) = await QueryCommand.AskAsync("query explain", parsed.GetValue(url), path, parsed.GetValue(key), token).ConfigureAwait(false);
            if (code != ExitCode.Ok)
            {
                return code;
            }

            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(body).ConfigureAwait(false);
                return ExitCode.Ok;
            }

            Show(JsonSerializer.Deserialize(body, ServeJson.Default.ExplainPayload)!, output);
            return ExitCode.Ok;
        }));
        return command;
    }

    public static Command Ledger()
    {
        var (sku, location, url, limit) = (QueryCommand.Sku(), QueryCommand.Location(), Peers.ClickHouseUrl(), QueryCommand.Limit(50));
        var json = QueryCommand.Json("Print one JSON object a line.");
        var (from, to) = (Time("--from", "Events from then on"), Time("--to", "Events before then"));
        var knownAt = KnownAt();
        var cursor = new Option<string?>("--cursor") { Description = "Go on behind a former page; its last line names the cursor.", HelpName = "cursor" };
        var command = new Command("ledger", $"""
            The movements of a SKU, the latest event first, from the history. The effect of a correction is a row behind the movement that it corrects;
            at a location, transfers that other locations report are listed too.

            {ExitCode.Help}
            """) { sku, location, from, to, knownAt, limit, cursor, url, json };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("query ledger", async () =>
        {
            var question = new LedgerPageQuestion(parsed.GetRequiredValue(sku), parsed.GetValue(location),
                Milliseconds(parsed.GetValue(from), "--from") ?? 0, Milliseconds(parsed.GetValue(to), "--to") ?? AsOf.Everything,
                Milliseconds(parsed.GetValue(knownAt), "--known-at") ?? TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), null, parsed.GetValue(limit));
            if (parsed.GetValue(cursor) is { } text)
            {
                // A duration back from now is another time on every call; the cursor's own range holds then.
                var place = LedgerCursor.Read(text) ?? throw new UsageException("--cursor is not one that 'query ledger' gave");
                question = question with { KnownAt = place.KnownAt, After = place.Place };
                if (!place.Fits(question))
                {
                    throw new UsageException("--cursor belongs to another question: give the same SKU, location, --from and --to (as times, not durations)");
                }
            }

            using var client = Peers.ClickHouse(parsed.GetValue(url));
            return await ShowAsync(new HistoryReader(client), question, parsed.GetValue(json), parsed.InvocationConfiguration.Output, token).ConfigureAwait(false);
        }));
        return command;
    }

    private static async Task<int> ShowAsync(HistoryReader reader, LedgerPageQuestion question, bool json, TextWriter output, CancellationToken token)
    {
        var table = new TerminalTable(
            "event (UTC)", "type", "units", "counted", "location", "other end", "price", "source", "document", "event", "effect of", "corrects", "known (UTC)", "record");
        table.Align(2, 3, 6);
        var (rows, isLast) = (0, false);
        var asked = question;
        while (!isLast && rows < question.Limit)
        {
            var page = await reader.PageAsync(asked with { Limit = Math.Min(PageSize, question.Limit - rows) }, token).ConfigureAwait(false);
            foreach (var entry in page.Entries)
            {
                rows++;
                if (json)
                {
                    await output.WriteLineAsync(JsonSerializer.Serialize(LedgerEntryPayload.Of(entry), Plain.LedgerEntryPayload)).ConfigureAwait(false);
                    continue;
                }

                var told = LedgerEntryPayload.Of(entry);
                table.Add(Stamp(told.EventTs), told.MovementType, Number(told.Quantity), told.Counted is { } counted ? Number(counted) : "", told.LocationId,
                    told.CounterpartLocationId, told.UnitPrice?.ToString(CultureInfo.InvariantCulture), told.SourceSystem, told.ReferenceId, told.EventId, told.EffectOf,
                    told.Corrects, Stamp(told.RecordedAt), told.Record);
            }

            isLast = page.IsLast;
            asked = page.Entries.Count == 0 ? asked : asked with
            {
                After = new LedgerPlace(page.Entries[^1].EventTs, page.Entries[^1].Topic, page.Entries[^1].Partition, page.Entries[^1].Offset, page.Entries[^1].EffectOf),
            };
            if (isLast || rows == question.Limit)
            {
                await FinishAsync(page).ConfigureAwait(false);
            }
        }

        return ExitCode.Ok;

        async Task FinishAsync(LedgerPage page)
        {
            var next = isLast ? "" : "--cursor " + LedgerCursor.Write(page.Entries[^1], question);
            if (json)
            {
                // On standard error, so that a pipe gets rows alone.
                await Console.Error.WriteAsync(isLast ? "" : next + "\n").ConfigureAwait(false);
                return;
            }

            if (rows > 0)
            {
                table.Write(output);
            }

            await output.WriteLineAsync(isLast ? $"{rows} rows" : $"first {rows} rows; --limit shows more, or {next}").ConfigureAwait(false);
        }
    }

    private static void Show(ExplainPayload told, TextWriter output)
    {
        QueryCommand.Show([told.Position], output);
        var table = new TerminalTable("", "movements", "units", "on hand");
        table.Align(1, 2, 3);
        table.Add(told.Count is { } count
            ? $"count {count.EventId} at {Stamp(count.EventTs)}, {count.SourceSystem} {count.ReferenceId}"
                + (count.CorrectedBy.Count > 0 ? $", corrected by {string.Join(", ", count.CorrectedBy)}" : "")
            : "no count: all movements add up", "", "", Number(told.Count?.Counted ?? 0));
        foreach (var sum in told.Since)
        {
            table.Add(Name(sum), Number(sum.Movements), Number(sum.Units), Number(sum.OnHand));
        }

        table.Add("on hand", "", "", Number(told.Position.OnHand));
        table.Write(output);
        Rest("Not counted in on hand, because at or before the count", told.BeforeCount.Select(sum => $"{Number(sum.Movements)} {Name(sum)}, {Number(sum.Units)} units"));
        Rest("Corrections in effect", told.Corrections.Select(Text));
        Rest("Corrections of this SKU whose event is not known", told.HeldCorrections.Select(Text));
        Rest("Transfers not matched", told.OpenTransfers.Select(t => $"{t.ReferenceId} from {t.From} to {t.To}: {Number(t.Sent)} sent, {Number(t.Received)} received, since {Stamp(t.Oldest)}"));

        void Rest(string title, IEnumerable<string> lines)
        {
            foreach (var (index, line) in lines.Index())
            {
                output.WriteLine((index == 0 ? title + ":\n  " : "  ") + TerminalTable.Printable(line));
            }
        }

        static string Name(MovementSumPayload sum) => sum.MovementType + (sum.ReportedHere ? "" : " reported by the other end");

        static string Text(CorrectionPayload correction) =>
            $"{correction.EventId} {(correction.Quantity == 0 ? "voids" : $"adds {Number(correction.Quantity)} to")} {correction.Corrects}"
            + $"{(correction.Movement == correction.Corrects ? "" : $" and so to {correction.Movement}")}, known {Stamp(correction.RecordedAt)}, {correction.SourceSystem}";
    }

    private static Option<string?> Time(string name, string what) => new(name) { Description = what + ": ISO 8601 or a duration back from now. Default: all.", HelpName = "time" };

    internal static long? Milliseconds(string? text, string option) => text is null
        ? null
        : Math.Clamp(new DateTimeOffset(Peers.Since(text, TimeProvider.System, option), TimeSpan.Zero).ToUnixTimeMilliseconds(), 0, AsOf.Everything);

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Stamp(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
