using System.Globalization;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>
/// The ledger as it was known at any time, for one SKU a call: two or three short queries on that SKU's rows. The facts are those of views
/// <c>ledger_effective</c> and <c>positions_as_of</c>, which serve many SKUs at once.
/// </summary>
public sealed class HistoryReader(IClickHouse clickHouse) : IHistoryReader
{
    private const string KnownAt = "recorded_at <= {known_at:DateTime64(3, 'UTC')}";

    // A SKU's rows are few: threads cost more than they save, and many callers share the server.
    private const string OneThread = "SETTINGS max_threads = 1";

    private const string CorrectionsSql = $$"""
        SELECT event_id, corrects_event_id, qty_delta, toUnixTimestamp64Milli(event_ts), toUnixTimestamp64Milli(recorded_at), source_system, unit_price
        FROM corrections FINAL
        WHERE sku_id = {sku:String} AND {{KnownAt}}
        ORDER BY topic, partition, offset
        {{OneThread}}
        """;

    // The movements that corrections name, at any location and any event time; a correction stands in the ledger too.
    private const string RootsSql = $$"""
        SELECT event_id, toString(topic) AS topic, partition, offset, toUnixTimestamp64Milli(event_ts), location_id,
            if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN'), counterpart_location_id, ''), movement_type = 'CYCLE_COUNT'
        FROM ledger
        WHERE sku_id = {sku:String} AND movement_type != 'CORRECTION' AND {{KnownAt}}
            AND event_id IN (SELECT corrects_event_id FROM corrections WHERE sku_id = {sku:String} AND {{KnownAt}})
        ORDER BY topic, partition, offset
        LIMIT 1 BY topic, partition, offset
        {{OneThread}}
        """;

    private const string Touches = """
        (location_id = {location:String} OR (movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id = {location:String}))
        """;

    // amended: (event_id, topic, partition, offset) of the rows that amendments are added to. Most positions have none, and a shorter query is planned sooner.
    private static string FactsSql(bool isCorrected) => $$"""
        SELECT own = 1 AS own, toString(movement_type) AS type, toUnixTimestamp64Milli(event_ts) AS ts, reference_id,
            location_id, counterpart_location_id, event_id, recorded_at, source_system,
            {{(isCorrected ? """
            has({voided:Array(String)}, event_id) AS is_void,
            indexOf(arrayZip({amended:Array(String)}, {topics:Array(String)}, {partitions:Array(Int32)}, {offsets:Array(Int64)}),
                (event_id, toString(topic), partition, offset)) AS nth,
            if(nth = 0, 0, {amounts:Array(Int64)}[nth]) AS amount,
            if(is_void, 0, qty_delta + amount) AS units,
            if(is_void, NULL, counted_qty + amount) AS counted
            """ : "qty_delta AS units, counted_qty AS counted")}}
        FROM
        (
            SELECT * FROM ledger FINAL
            WHERE sku_id = {sku:String} AND movement_type != 'CORRECTION' AND stocked = 1
                AND event_ts <= {at:DateTime64(3, 'UTC')} AND {{KnownAt}} AND {{Touches}}
            SETTINGS do_not_merge_across_partitions_select_final = 1
        )
        ARRAY JOIN arrayConcat(
            if(location_id = {location:String}, [1], []),
            if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id = {location:String}, [0], [])) AS own
        """;

    private static string SumsSql(bool isCorrected) => $$"""
        SELECT own, type, ts > last.1 AS is_since, count(), sum(units), max(ts), any(last.1), any(last.2), any(last.3), toUnixTimestamp64Milli(any(last.4)), any(last.5), any(last.6)
        FROM
        (
            SELECT *, maxIf((ts, ifNull(counted, 0), event_id, recorded_at, toString(source_system), reference_id), own AND type = 'CYCLE_COUNT' AND counted IS NOT NULL) OVER () AS last
            FROM ({{FactsSql(isCorrected)}})
        )
        GROUP BY own, type, is_since
        {{OneThread}}
        """;

    private static string TransfersSql(bool isCorrected) => $$"""
        SELECT reference_id, if(type = 'TRANSFER_OUT', location_id, counterpart_location_id) AS source, if(type = 'TRANSFER_OUT', counterpart_location_id, location_id) AS target,
            -sumIf(units, type = 'TRANSFER_OUT') AS sent, sumIf(units, type = 'TRANSFER_IN') AS received, min(ts) AS oldest
        FROM ({{FactsSql(isCorrected)}})
        WHERE type IN ('TRANSFER_OUT', 'TRANSFER_IN')
        GROUP BY reference_id, source, target
        HAVING sent != received
        ORDER BY oldest, reference_id, source, target
        LIMIT {{PositionExplanation.Most.ToString(CultureInfo.InvariantCulture)}}
        """;

    // Rows from the cursor's on: of its own row there may be effects that the page before had no room for.
    private static string PageSql(bool isAtLocation, bool isAfter) => $$"""
        SELECT toString(topic) AS topic, partition, offset, event_id, toUnixTimestamp64Milli(event_ts) AS ts, toUnixTimestamp64Milli(recorded_at), sku_id,
            toString(location_id), toString(counterpart_location_id), toString(movement_type), qty_delta, counted_qty, unit_price, toString(currency),
            toString(source_system), reference_id, stocked
        FROM ledger FINAL
        WHERE sku_id = {sku:String} AND movement_type != 'CORRECTION' AND event_ts >= {from:DateTime64(3, 'UTC')} AND event_ts < {until:DateTime64(3, 'UTC')} AND {{KnownAt}}
            {{(isAtLocation ? "AND " + Touches : "")}}
            {{(isAfter ? """
                AND (ts < {after_ts:Int64} OR (ts = {after_ts:Int64} AND (topic, partition, -offset) >= ({after_topic:String}, {after_partition:Int32}, -{after_offset:Int64})))
                """ : "")}}
        ORDER BY ts DESC, topic, partition, offset DESC
        LIMIT {rows:UInt32}
        SETTINGS do_not_merge_across_partitions_select_final = 1
        """;

    /// <inheritdoc/>
    public async Task<StockPosition?> PositionAsync(string skuId, string locationId, AsOf asOf, CancellationToken token)
    {
        try
        {
            return (await ReadAsync(skuId, locationId, asOf, token)).Sums?.Position;
        }
        catch (ClickHouseException e)
        {
            throw Unavailable(e);
        }
    }

    /// <inheritdoc/>
    public async Task<PositionExplanation?> ExplainAsync(string skuId, string locationId, AsOf asOf, CancellationToken token)
    {
        try
        {
            var (known, parameters, sums) = await ReadAsync(skuId, locationId, asOf, token);
            if (sums is null)
            {
                return null;
            }

            var transfers = new List<OpenTransfer>();
            await foreach (var row in clickHouse.QueryAsync(TransfersSql(parameters.ContainsKey("voided")), parameters, token))
            {
                transfers.Add(new OpenTransfer(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<string>(2)!, row.Get<long>(3), row.Get<long>(4), row.Get<long>(5)));
            }

            return new PositionExplanation
            {
                Position = sums.Position,
                Count = sums.Count is { } count ? count with { CorrectedBy = [.. known.On(count.EventId).Select(correction => correction.Fact.EventId)] } : null,
                Since = sums.Since,
                Before = sums.Before,
                Corrections = Latest(known.InEffect(locationId, asOf.At)),
                Held = Latest(known.Held),
                Transfers = transfers,
            };
        }
        catch (ClickHouseException e)
        {
            throw Unavailable(e);
        }
    }

    /// <inheritdoc/>
    public async Task<LedgerPage> PageAsync(LedgerPageQuestion question, CancellationToken token)
    {
        try
        {
            var known = await KnownAsync(question.SkuId, question.KnownAt, token);
            var parameters = new Dictionary<string, object?>
            {
                ["sku"] = question.SkuId,
                ["location"] = question.LocationId ?? "",
                ["from"] = Time(question.From),
                ["until"] = Time(question.Until),
                ["known_at"] = Time(question.KnownAt),
                ["rows"] = question.Limit + 2,
            };
            if (question.After is { } after)
            {
                parameters["after_ts"] = after.EventTs;
                parameters["after_topic"] = after.Topic;
                parameters["after_partition"] = after.Partition;
                parameters["after_offset"] = after.Offset;
            }

            var entries = new List<LedgerEntry>(question.Limit + 1);
            await foreach (var row in clickHouse.QueryAsync(PageSql(question.LocationId is not null, question.After is not null), parameters, token))
            {
                entries.AddRange(known.Entries(LedgerRows.Entry(row)).Where(entry => question.After is not { } end || LedgerRows.IsBehind(entry, end)));
                if (entries.Count > question.Limit)
                {
                    break;
                }
            }

            var isLast = entries.Count <= question.Limit;
            return new LedgerPage(isLast ? entries : entries[..question.Limit], isLast);
        }
        catch (ClickHouseException e)
        {
            throw Unavailable(e);
        }
    }

    private async Task<(KnownCorrections Known, Dictionary<string, object?> Parameters, PositionSums? Sums)> ReadAsync(
        string skuId, string locationId, AsOf asOf, CancellationToken token)
    {
        var known = await KnownAsync(skuId, asOf.KnownAt, token);
        var amended = known.Amended(locationId, asOf.At).ToList();
        var parameters = new Dictionary<string, object?>
        {
            ["sku"] = skuId,
            ["location"] = locationId,
            ["at"] = Time(asOf.At),
            ["known_at"] = Time(asOf.KnownAt),
        };
        var voided = known.Voided(locationId, asOf.At).ToArray();
        var isCorrected = voided.Length + amended.Count > 0;
        if (isCorrected)
        {
            parameters["voided"] = voided;
            parameters["amended"] = amended.Select(row => row.Place.EventId).ToArray();
            parameters["topics"] = amended.Select(row => row.Place.Topic).ToArray();
            parameters["partitions"] = amended.Select(row => row.Place.Partition).ToArray();
            parameters["offsets"] = amended.Select(row => row.Place.Offset).ToArray();
            parameters["amounts"] = amended.Select(row => row.Amount).ToArray();
        }

        return (known, parameters, await PositionSums.ReadAsync(skuId, locationId, clickHouse.QueryAsync(SumsSql(isCorrected), parameters, token)));
    }

    private async Task<KnownCorrections> KnownAsync(string skuId, long knownAt, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?> { ["sku"] = skuId, ["known_at"] = Time(knownAt) };
        var corrections = new List<LedgerCorrection>();
        await foreach (var row in clickHouse.QueryAsync(CorrectionsSql, parameters, token))
        {
            corrections.Add(new LedgerCorrection(
                new CorrectionFact(row.Get<string>(0)!, row.Get<string>(1)!, "", row.Get<long>(2), row.Get<long>(3), row.Get<long>(4), row.Get<string>(5)!),
                row.Get<decimal?>(6)));
        }

        var roots = new List<RootRow>();
        if (corrections.Count > 0)
        {
            await foreach (var row in clickHouse.QueryAsync(RootsSql, parameters, token))
            {
                roots.Add(new RootRow(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<int>(2), row.Get<long>(3), row.Get<long>(4), row.Get<string>(5)!,
                    row.Get<string>(6)!, row.Get<int>(7) != 0));
            }
        }

        return new KnownCorrections(new CorrectionEffects(corrections), roots);
    }

    private static List<CorrectionFact> Latest(IEnumerable<LedgerCorrection> corrections) =>
        [.. corrections.Select(correction => correction.Fact).OrderByDescending(fact => fact.RecordedTs).ThenBy(fact => fact.EventId, StringComparer.Ordinal)
            .Take(PositionExplanation.Most)];

    private static DateTime Time(long milliseconds) => DateTime.UnixEpoch.AddMilliseconds(Math.Clamp(milliseconds, 0, AsOf.Everything));

    private static StoreUnavailableException Unavailable(ClickHouseException e) => new("ClickHouse: " + e.Message, e);
}
