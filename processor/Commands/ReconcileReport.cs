using System.Globalization;
using System.Text.Json.Nodes;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>A reconciliation's findings, for people and for machines.</summary>
internal sealed record ReconcileReport(string RunId, Comparison Comparison, Duplicates Duplicates, ReconcileResult Result)
{
    private const int MaximumRows = 50;

    public bool IsClean => Result is { Drifting: 0, Duplicates: 0, Reused: 0 };

    public void Write(TextWriter output)
    {
        if (Comparison.Drifts.Count > 0)
        {
            var table = new TerminalTable("partition", "as of offset", "sku", "location", "drift", "Redis has, the ledger has");
            table.Align(0, 1);
            foreach (var drift in Comparison.Drifts.Take(MaximumRows))
            {
                table.Add(Number(drift.Partition), Number(drift.AsOfOffset), drift.Key.SkuId, drift.Key.LocationId, drift.Kind, drift.Describe());
            }

            table.Write(output);
        }

        if (Duplicates.Open.Count + Duplicates.Reused.Count > 0)
        {
            var table = new TerminalTable("event_id", "partition", "first offset", "again at", "sku", "location", "type", "qty", "finding");
            table.Align(1, 2, 3, 7);
            foreach (var (first, second) in Duplicates.Open.Select(d => d.Event).Concat(Duplicates.Reused).Take(MaximumRows))
            {
                table.Add(second.EventId, Number(second.Partition), Number(first.Offset), Number(second.Offset), second.SkuId, second.LocationId, second.Type.Name(),
                    Number(second.QtyDelta), first.IsSameFact(second) ? "same fact twice" : "event_id reused for a different fact");
            }

            table.Write(output);
        }

        if (Math.Max(Comparison.Drifting, Duplicates.Open.Count + Duplicates.Reused.Count) > MaximumRows)
        {
            output.WriteLine($"tables show the first {MaximumRows} rows; --json has all");
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {Result.Compared:N0} positions compared: {Result.Drifting:N0} drift, {Result.Unsettled:N0} unsettled (late counts that wait for the ledger; no drift)
            {Result.Duplicates:N0} duplicates to compensate, {Duplicates.Compensated:N0} compensated before, {Duplicates.Harmless:N0} without effect; {Result.Reused:N0} event_ids reused for a different fact
            """));
        if (Result.Repaired + Result.Compensations > 0)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Result.Repaired:N0} positions repaired, {Result.Compensations:N0} compensations sent; table reconciliation, run_id {RunId}"));
        }
    }

    public void WriteJson(TextWriter output) => output.WriteLine(new JsonObject
    {
        ["run_id"] = RunId,
        ["compared"] = Result.Compared,
        ["drifting"] = Result.Drifting,
        ["unsettled"] = Result.Unsettled,
        ["duplicates"] = Result.Duplicates,
        ["duplicates_compensated_before"] = Duplicates.Compensated,
        ["duplicates_without_effect"] = Duplicates.Harmless,
        ["reused_event_ids"] = Result.Reused,
        ["repaired"] = Result.Repaired,
        ["compensations"] = Result.Compensations,
        ["is_cut"] = Duplicates.IsCut || Comparison.Drifting > Comparison.Drifts.Count,
        ["not_compared"] = new JsonObject(Comparison.Incomplete.Select(lane => KeyValuePair.Create(Number(lane.Key), (JsonNode?)lane.Value))),
        ["drift"] = new JsonArray([.. Comparison.Drifts.Select(drift => (JsonNode)new JsonObject
        {
            ["partition"] = drift.Partition,
            ["as_of_offset"] = drift.AsOfOffset,
            ["sku_id"] = drift.Key.SkuId,
            ["location_id"] = drift.Key.LocationId,
            ["kind"] = drift.Kind,
            ["found"] = Fields(drift.Found),
            ["expected"] = Fields(drift.Expected),
        })]),
        ["repeated"] = new JsonArray([.. Duplicates.Open.Select(d => (d.Event, (Compensation?)d.Compensation)).Concat(Duplicates.Reused.Select(e => (e, (Compensation?)null)))
            .Select(found => (JsonNode)new JsonObject
            {
                ["event_id"] = found.Item1.Second.EventId,
                ["partition"] = found.Item1.Second.Partition,
                ["first_offset"] = found.Item1.First.Offset,
                ["offset"] = found.Item1.Second.Offset,
                ["sku_id"] = found.Item1.Second.SkuId,
                ["location_id"] = found.Item1.Second.LocationId,
                ["is_same_fact"] = found.Item1.IsDuplicate,
                ["compensations"] = found.Item2 is { } compensation ? new JsonArray(compensation.EventId) : new JsonArray(),
            })]),
    }.ToJsonString());

    private static JsonObject? Fields(PositionState? state) =>
        state is null ? null : new JsonObject(Drift.Fields(state).Select(field => KeyValuePair.Create(field.Key, (JsonNode?)field.Value)));

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
