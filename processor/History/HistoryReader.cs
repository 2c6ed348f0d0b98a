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

    // A SKU's rows are few, in many parts: more threads cost more than they save, and many callers share the server.
    private const string FewThreads = "SETTINGS max_threads = 2";

    /// <summary>Corrected events of a SKU that are asked about without a look which of them touch the location: parameters travel in the address.</summary>
    private const int MaximumCorrected = 1000;

    private const string CorrectionsSql = $$"""
        SELECT event_id, corrects_event_id, qty_delta, toUnixTimestamp64Milli(event_ts), toUnixTimestamp64Milli(recorded_at), source_system, unit_price
        FROM corrections FINAL
        WHERE sku_id = {sku:String} AND {{KnownAt}}
        ORDER BY topic, partition, offset
        {{FewThreads}}
        """;

    // The movements that corrections name, at any location and any event time; a correction stands in the ledger too.
    private const string RootsSql = $$"""
        SELECT event_id, toString(topic) AS topic, partition, offset, toUnixTimestamp64Milli(event_ts), location_id,
            if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN'), counterpart_location_id, '')
        FROM ledger
        WHERE sku_id = {sku:String} AND movement_type != 'CORRECTION' AND {{KnownAt}}
            AND event_id IN (SELECT corrects_event_id FROM corrections WHERE sku_id = {sku:String} AND {{KnownAt}})
        ORDER BY topic, partition, offset
        LIMIT 1 BY topic, partition, offset
        {{FewThreads}}
        """;

    private const string Touches = """
        (location_id = {location:String} OR (movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id = {location:String}))
        """;

    // Of a row that was written again the first writing counts. FINAL would read all columns of all rows that it merges.
    private const string RowsSql = $$"""
        SELECT * FROM ledger
        WHERE sku_id = {sku:String} AND movement_type != 'CORRECTION' AND event_ts <= {at:DateTime64(3, 'UTC')} AND {{KnownAt}} AND
        """;

    private const string OnceEach = "ORDER BY recorded_at LIMIT 1 BY topic, partition, offset";

    // Of an event_id that stands in several rows, at any location, the first is amended; counts do not add up, so all of them are.
    // Most SKUs have no corrections, and a shorter query is planned sooner.
    private static string FactsSql(bool isCorrected) => $$"""
        SELECT own = 1 AS own, toString(movement_type) AS type, toUnixTimestamp64Milli(event_ts) AS ts, reference_id,
            location_id, counterpart_location_id, event_id, recorded_at, source_system,
            {{(isCorrected ? """
            has({voided:Array(String)}, event_id) AS is_void,
            indexOf({amended:Array(String)}, event_id) AS nth,
            if(nth = 0 OR (type != 'CYCLE_COUNT' AND (toString(topic), partition, offset) != first), 0, {amounts:Array(Int64)}[nth]) AS amount,
            if(is_void, 0, qty_delta + amount) AS units,
            if(is_void, NULL, counted_qty + amount) AS counted
            """ : "qty_delta AS units, counted_qty AS counted")}}
        FROM
        (
            {{(isCorrected ? $$"""
            SELECT *, min((toString(topic), partition, offset)) OVER (PARTITION BY event_id) AS first
            FROM ({{RowsSql}} ({{Touches}} OR has({amended:Array(String)}, event_id)) {{OnceEach}})
            """ : $"{RowsSql} stocked = 1 AND {Touches} {OnceEach}")}}
        )
        ARRAY JOIN arrayConcat(
            if(stocked = 1 AND location_id = {location:String}, [1], []),
            if(stocked = 1 AND movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id = {location:String}, [0], [])) AS own
        """;

    private static string SumsSql(bool isCorrected) => $$"""
        SELECT own, type, ts > last.1 AS is_since, count(), sum(units), max(ts), any(last.1), any(last.2), any(last.3), toUnixTimestamp64Milli(any(last.4)), any(last.5), any(last.6)
        FROM
        (
            SELECT *, maxIf((ts, ifNull(counted, 0), event_id, recorded_at, toString(source_system), reference_id), own AND type = 'CYCLE_COUNT' AND counted IS NOT NULL) OVER () AS last
            FROM ({{FactsSql(isCorrected)}})
        )
        GROUP BY own, type, is_since
        {{FewThreads}}
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
            var effects = await EffectsAsync(skuId, asOf.KnownAt, token);
            var corrected = effects.Corrected.Count > MaximumCorrected
                ? (await KnownAsync(effects, skuId, asOf.KnownAt, token)).Corrected(locationId, asOf.At)
                : effects.Corrected;
            return (await SumsAsync(skuId, locationId, Parameters(skuId, locationId, asOf, effects, corrected), token))?.Position;
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
            var effects = await EffectsAsync(skuId, asOf.KnownAt, token);
            var known = await KnownAsync(effects, skuId, asOf.KnownAt, token);
            var parameters = Parameters(skuId, locationId, asOf, effects, known.Corrected(locationId, asOf.At));
            var sums = await SumsAsync(skuId, locationId, parameters, token);
            if (sums is null)
            {
                return null;
            }

            var transfers = new List<OpenTransfer>();
            await foreach (var row in clickHouse.QueryAsync(TransfersSql(IsCorrected(parameters)), parameters, token))
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
            var effects = await EffectsAsync(question.SkuId, question.KnownAt, token);
            var known = await KnownAsync(effects, question.SkuId, question.KnownAt, token);
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

    /// <inheritdoc/>
    public async Task<EventLineage?> LineageAsync(string eventId, CancellationToken token)
    {
        try
        {
            return await new LineageReader(clickHouse, this).ReadAsync(eventId, token);
        }
        catch (ClickHouseException e)
        {
            throw Unavailable(e);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<QualityResult>> QualityAsync(CancellationToken token)
    {
        try
        {
            return await new QualityLog(clickHouse).CurrentAsync(token);
        }
        catch (ClickHouseException e)
        {
            throw Unavailable(e);
        }
    }

    private Task<PositionSums?> SumsAsync(string skuId, string locationId, Dictionary<string, object?> parameters, CancellationToken token) =>
        PositionSums.ReadAsync(skuId, locationId, clickHouse.QueryAsync(SumsSql(IsCorrected(parameters)), parameters, token));

    private static bool IsCorrected(Dictionary<string, object?> parameters) => parameters.ContainsKey("voided");

    // corrected: the events that the question takes corrections of into account, all that touch the location among them.
    private static Dictionary<string, object?> Parameters(string skuId, string locationId, AsOf asOf, CorrectionEffects effects, IReadOnlyCollection<string> corrected)
    {
        var parameters = new Dictionary<string, object?>
        {
            ["sku"] = skuId,
            ["location"] = locationId,
            ["at"] = Time(asOf.At),
            ["known_at"] = Time(asOf.KnownAt),
        };
        if (corrected.Count > 0)
        {
            var amended = corrected.Where(id => effects.VoidOf(id) is null).ToArray();
            parameters["voided"] = corrected.Where(id => effects.VoidOf(id) is not null).ToArray();
            parameters["amended"] = amended;
            parameters["amounts"] = Array.ConvertAll(amended, id => effects.AmendmentsOf(id).Sum(correction => correction.Fact.Quantity));
        }

        return parameters;
    }

    internal async Task<CorrectionEffects> EffectsAsync(string skuId, long knownAt, CancellationToken token)
    {
        var corrections = new List<LedgerCorrection>();
        await foreach (var row in clickHouse.QueryAsync(CorrectionsSql, Of(skuId, knownAt), token))
        {
            corrections.Add(new LedgerCorrection(
                new CorrectionFact(row.Get<string>(0)!, row.Get<string>(1)!, "", row.Get<long>(2), row.Get<long>(3), row.Get<long>(4), row.Get<string>(5)!),
                row.Get<decimal?>(6)));
        }

        return new CorrectionEffects(corrections);
    }

    internal async Task<KnownCorrections> KnownAsync(CorrectionEffects effects, string skuId, long knownAt, CancellationToken token)
    {
        var roots = new List<RootRow>();
        if (!effects.IsEmpty)
        {
            await foreach (var row in clickHouse.QueryAsync(RootsSql, Of(skuId, knownAt), token))
            {
                roots.Add(new RootRow(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<int>(2), row.Get<long>(3), row.Get<long>(4), row.Get<string>(5)!,
                    row.Get<string>(6)!));
            }
        }

        return new KnownCorrections(effects, roots);
    }

    private static Dictionary<string, object?> Of(string skuId, long knownAt) => new() { ["sku"] = skuId, ["known_at"] = Time(knownAt) };

    private static List<CorrectionFact> Latest(IEnumerable<LedgerCorrection> corrections) =>
        [.. corrections.Select(correction => correction.Fact).OrderByDescending(fact => fact.RecordedTs).ThenBy(fact => fact.EventId, StringComparer.Ordinal)
            .Take(PositionExplanation.Most)];

    private static DateTime Time(long milliseconds) => DateTime.UnixEpoch.AddMilliseconds(Math.Clamp(milliseconds, 0, AsOf.Everything));

    private static StoreUnavailableException Unavailable(ClickHouseException e) => new("ClickHouse: " + e.Message, e);
}
