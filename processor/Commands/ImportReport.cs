using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Stockflow.Source.Import;

namespace Stockflow.Commands;

/// <summary>What <c>processor import</c> prints at the end of a file.</summary>
internal static class ImportReport
{
    public static void Print(ImportSummary summary, long resumedAfter, bool json) =>
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(summary, ImportReportJson.Relaxed.ImportSummary) : Text(summary, resumedAfter));

    internal static string Text(ImportSummary summary, long resumedAfter)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(FormattableString.Invariant(line)).Append('\n');
        Line($"{summary.File}: {summary.Rows:N0} records in {summary.Seconds:N1} s");
        if (resumedAfter > 0)
        {
            Line($"  went on after record {resumedAfter:N0}, where an earlier run stopped");
        }

        Line($"  sent {summary.Sent:N0}{(summary.SentBefore > 0 ? FormattableString.Invariant($", sent earlier {summary.SentBefore:N0}") : "")}, skipped {summary.Skipped:N0}, rejected {summary.Rejected:N0}");
        Line($"  reference records: {summary.Skus:N0} SKUs, {summary.Locations:N0} locations");
        Line($"  exact duplicates, each with an id of its own: {summary.Duplicates:N0}");
        if (summary.CancellationsTied + summary.CancellationsUntied > 0)
        {
            Line($"  cancellations tied to their sale: {summary.CancellationsTied:N0} of {summary.CancellationsTied + summary.CancellationsUntied:N0}");
        }

        text.Append(Row("class", "records", "units", "revenue"));
        foreach (var (name, totals) in summary.Classes)
        {
            text.Append(Row(
                name, totals.Rows.ToString("N0", CultureInfo.InvariantCulture), totals.Units.ToString("N0", CultureInfo.InvariantCulture),
                totals.Revenue.ToString("N2", CultureInfo.InvariantCulture)));
        }

        if (summary.Rejected > 0)
        {
            Line($"  rejected records are kept in {summary.RejectedFile}");
            foreach (var (reason, count) in summary.RejectedByReason)
            {
                Line($"    {reason}: {count:N0}");
            }

            foreach (var rejection in summary.FirstRejected)
            {
                var place = rejection.Column.Length > 0 ? FormattableString.Invariant($", column {rejection.Position} ({rejection.Column})")
                    : rejection.Position > 0 ? FormattableString.Invariant($", byte {rejection.Position}") : "";
                Line($"    line {rejection.Line}{place}: {rejection.Field}: {rejection.Message}{(rejection.Value.Length > 0 ? $": '{rejection.Value}'" : "")}");
            }
        }

        return text.ToString().TrimEnd('\n');
    }

    private static string Row(string name, string rows, string units, string revenue) =>
        string.Create(CultureInfo.InvariantCulture, $"  {name,-18}{rows,12}{units,14}{revenue,18}\n");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImportSummary))]
internal sealed partial class ImportReportJson : JsonSerializerContext
{
    public static ImportReportJson Relaxed { get; } =
        new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
