using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary><c>processor lineage</c>: what became of one event.</summary>
public static class LineageCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("event_id") { Description = "Id of the fact, as its source gave it." };
        var (url, format) = (Peers.ClickHouseUrl(), Format());
        var command = new Command("lineage", $"""
            What became of an event: the Kafka records that carried it and the verdict on each, its rows in the ledger, corrections of it, the aggregates
            that it belongs to and their revisions, what it restated or posted, and what the reconciliation did about it.

            Examples:
              processor lineage 0192f0c4-7d11-7a55-b3a6-0d6b6a1c9f10
              processor lineage T-100/3 --format json

            {Peers.Help}

            {ExitCode.Help}
            """) { id, url, format };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("lineage", async () =>
        {
            using var client = Peers.ClickHouse(parsed.GetValue(url));
            var eventId = parsed.GetRequiredValue(id);
            if (await new HistoryReader(client).LineageAsync(eventId, token).ConfigureAwait(false) is not { } told)
            {
                await Console.Error.WriteLineAsync(
                    $"lineage: no record of event '{eventId}' is in the history. A record that could not be decoded has no event_id; see 'processor dlq list'").ConfigureAwait(false);
                return ExitCode.CheckFailed;
            }

            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(told, HistoryQueries.Plain.EventLineage)).ConfigureAwait(false);
            }
            else
            {
                Show(told, output);
            }

            return ExitCode.Ok;
        }));
        return command;
    }

    /// <summary>The option <c>--format</c>.</summary>
    internal static Option<string> Format()
    {
        var format = new Option<string>("--format") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        format.AcceptOnlyFromAmong("text", "json");
        return format;
    }

    private static void Show(EventLineage told, TextWriter output)
    {
        Section("Records in Kafka", ["record", "broker time (UTC)", "schema", "verdict", "why", "recorded (UTC)", "batch of"], told.Occurrences, one =>
        [
            FormattableString.Invariant($"{one.Topic}/{one.Partition}/{one.Offset}"), Stamp(one.BrokerTs), one.SchemaId is { } schema ? QueryCommand.Number(schema) : "", one.Verdict,
            one.DuplicateOf is { } first ? $"of offset {QueryCommand.Number(first)}" : one.Reason is null ? "" : $"{one.Reason}: {one.Message}", Stamp(one.Batch.RecordedAt),
            $"{QueryCommand.Number(one.Batch.Records)} at {QueryCommand.Number(one.Batch.FirstOffset)} to {QueryCommand.Number(one.Batch.LastOffset)}",
        ]);
        Section("Ledger", ["record", "event (UTC)", "type", "sku", "location", "units", "counted", "in effect", "document"], told.Movements, one =>
        [
            one.Record, Stamp(one.EventTs), one.MovementType, one.SkuId, one.CounterpartId is null ? one.LocationId : $"{one.LocationId}, {one.CounterpartId}", QueryCommand.Number(one.Quantity),
            one.Counted is { } counted ? QueryCommand.Number(counted) : "", InEffect(one), $"{one.SourceSystem} {one.ReferenceId}",
        ]);
        Section("Corrections of it", ["correction", "corrects", "effect", "recorded (UTC)", "source", "in effect"], told.Corrections, one =>
        [
            one.EventId, one.Corrects, one.Quantity == 0 ? "void" : QueryCommand.Number(one.Quantity), Stamp(one.RecordedAt), one.SourceSystem, one.InEffect ? "yes" : "no",
        ]);
        Section("Aggregates that it belongs to", ["table", "sku", "location", "start (UTC)", "closed", "revision", "revised (UTC)"], told.Aggregates, one =>
        [
            one.Table, one.SkuId, one.LocationId, Stamp(one.Start), one.Closed ? "yes" : "no", one.Revision is { } revision ? QueryCommand.Number(revision) : "no row", one.RevisedAt is { } at ? Stamp(at) : "",
        ]);
        Section("Restatements", ["table", "location", "start (UTC)", "revision", "recorded (UTC)", "cause", "net units", "on hand"], told.Restatements, one =>
        [
            one.Table, one.LocationId, Stamp(one.Start), QueryCommand.Number(one.Revision), Stamp(one.RecordedAt), one.Caused ? "this event" : one.CauseEventId, QueryCommand.Number(one.NetUnits), QueryCommand.Number(one.OnHand),
        ]);
        Section("Posted for locked periods", ["period", "location", "start (UTC)", "into hour (UTC)", "recorded (UTC)", "cause", "net units"], told.Postings, one =>
        [
            one.Period, one.LocationId, Stamp(one.Start), Stamp(one.PostingHour), Stamp(one.RecordedAt), one.Caused ? "this event" : one.CauseEventId, QueryCommand.Number(one.NetUnits),
        ]);
        Section("Reconciliation", ["run", "recorded (UTC)", "action", "event", "second record", "compensated by"], told.Compensations, one =>
        [
            one.RunId, Stamp(one.RecordedAt), one.Action, one.EventId, one.Record, string.Join(", ", one.CompensatedBy),
        ]);
        if (told.IsCut)
        {
            output.WriteLine($"Of lists that are longer the first {EventLineage.Most} are shown.");
        }

        void Section<T>(string title, string[] columns, IReadOnlyList<T> rows, Func<T, string[]> text)
        {
            if (rows.Count == 0)
            {
                return;
            }

            output.WriteLine(title + ":");
            var table = new TerminalTable(columns);
            foreach (var row in rows)
            {
                table.Add(text(row));
            }

            table.Write(output);
        }
    }

    private static string InEffect(LineageMovement one) => one.EffectiveQuantity is { } units
        ? QueryCommand.Number(units)
        : one.EffectiveCounted is { } counted
            ? "counted " + QueryCommand.Number(counted)
            : one.Counted is not null ? "voided" : one.InEffect ? $"yes, on {one.Root}" : "no";

    private static string Stamp(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
