using System.Globalization;
using System.Security.Cryptography;
using Stockflow.Chaos.Load;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Verify;

/// <summary>Compares the ledger and the raw events in ClickHouse row by row, as its own HTTP interface shows them.</summary>
internal static class HistoryCheck
{
    private const string LedgerSql = """
        SELECT partition, offset, topic, event_id, sku_id, location_id, movement_type, qty_delta, ifNull(toString(counted_qty), ''),
            toUnixTimestamp64Milli(event_ts), counterpart_location_id, stocked
        FROM ledger_current
        """;

    private const string RawSql = "SELECT partition, offset, topic, hex(MD5(key)), hex(MD5(value)), toString(verdict), if(verdict = 'dead_letter', reason, ''), headers.value FROM raw_events_current";

    public static async Task<Finding> LedgerAsync(ClickHouseServer clickHouse, Expectation expected)
    {
        var finding = new Finding("ledger") { Expected = expected.Accepted };
        var found = new HashSet<(int, long)>();
        await foreach (var row in clickHouse.RowsAsync(LedgerSql))
        {
            var place = Place(row);
            if (!found.Add(place))
            {
                finding.AddDuplicated($"{Show(place)} stands there twice");
                continue;
            }

            if (!expected.Records.TryGetValue(place, out var record))
            {
                finding.AddWrong($"{Show(place)} was never produced");
            }
            else if (record.Fate == Fate.duplicate)
            {
                finding.AddDuplicated($"{Show(place)} is a duplicate of {record.Fact.EventId} and counts as a movement");
            }
            else if (record.Fate == Fate.dead_letter)
            {
                finding.AddWrong($"{Show(place)} is a broken record ({record.Fact.Reject}) and counts as a movement");
            }
            else if (Ledger(record.Fact) is var should && !should.AsSpan().SequenceEqual(row.AsSpan(2)))
            {
                finding.AddWrong($"{Show(place)}: {string.Join(' ', row.Skip(2))}, expected {string.Join(' ', should)}");
            }
        }

        foreach (var (place, record) in expected.Records)
        {
            if (record.Fate == Fate.accepted && !found.Contains(place))
            {
                finding.AddLost($"{Show(place)}, {record.Fact.EventId}");
            }
        }

        return finding;
    }

    public static async Task<Finding> RawEventsAsync(ClickHouseServer clickHouse, Expectation expected)
    {
        var finding = new Finding("raw events") { Expected = expected.Records.Count };
        var found = new HashSet<(int, long)>();
        await foreach (var row in clickHouse.RowsAsync(RawSql))
        {
            var place = Place(row);
            if (!found.Add(place))
            {
                finding.AddDuplicated($"{Show(place)} stands there twice");
            }
            else if (!expected.Records.TryGetValue(place, out var record))
            {
                finding.AddWrong($"{Show(place)} was never produced");
            }
            else if (Raw(record.Fact, record.Fate) is var should && !should.AsSpan().SequenceEqual(row.AsSpan(2)))
            {
                finding.AddWrong($"{Show(place)}: {string.Join(' ', row.Skip(2))}, expected {string.Join(' ', should)}");
            }
        }

        foreach (var place in expected.Records.Keys)
        {
            if (!found.Contains(place))
            {
                finding.AddLost(Show(place));
            }
        }

        return finding;
    }

    /// <summary>Puts an accepted movement into the ledger a second time, under an offset that was never produced.</summary>
    public static Task TamperLedgerAsync(ClickHouseServer clickHouse) =>
        clickHouse.ExecuteAsync("INSERT INTO ledger SELECT * REPLACE (toInt64(offset + 1000000000) AS offset) FROM ledger LIMIT 1");

    /// <summary>Replaces a raw event by one with another verdict.</summary>
    public static Task TamperRawAsync(ClickHouseServer clickHouse) => clickHouse.ExecuteAsync(
        "INSERT INTO raw_events SELECT * REPLACE ('pending' AS verdict) FROM raw_events ORDER BY partition, offset LIMIT 1");

    private static string[] Ledger(Fact fact) =>
    [
        KafkaServer.Movements, fact.EventId, fact.Sku, fact.Location, fact.Kind.ToString(), Text(fact.Quantity),
        fact.Counted is { } counted ? Text(counted) : "", Text(fact.EventTs), fact.Counterpart ?? "", fact.IsStocked ? "1" : "0",
    ];

    private static string[] Raw(Fact fact, Fate fate) =>
    [
        KafkaServer.Movements, Hash(fact.Key), Hash(fact.Value), fate.ToString(), fate == Fate.dead_letter ? fact.Reject! : "", fact.Trace is { } trace ? $"['{trace}']" : "[]",
    ];

    private static (int Partition, long Offset) Place(string[] row) =>
        (int.Parse(row[0], CultureInfo.InvariantCulture), long.Parse(row[1], CultureInfo.InvariantCulture));

    private static string Show((int Partition, long Offset) place) => $"partition {place.Partition} offset {place.Offset}";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

#pragma warning disable CA5351 // A fingerprint that ClickHouse has too, not a secret.
    private static string Hash(byte[]? bytes) => Convert.ToHexString(MD5.HashData(bytes ?? []));
#pragma warning restore CA5351
}
