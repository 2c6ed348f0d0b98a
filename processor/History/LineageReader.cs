using System.Globalization;
using System.Text;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>
/// Follows one event through the history. From the event_id to its rows leads a bloom filter for each granule of <c>raw_events</c> and <c>ledger</c>; all
/// that follows is asked by SKU, location and time, which the tables are sorted by. Every list has a bound.
/// </summary>
internal sealed class LineageReader(IClickHouse clickHouse, HistoryReader history)
{
    private const string FewThreads = "SETTINGS max_threads = 2";
    private const int MaximumSkus = 10;

    /// <summary>Offsets before and after a record in which the rest of its batch is looked for; no batch is larger.</summary>
    private const int BatchReach = 100_000;

    private static readonly string Limit = $"LIMIT {(EventLineage.Most + 1).ToString(CultureInfo.InvariantCulture)}";

    // The hash finds the granule, the id in the value tells it from another of the same hash. The last writing of a raw event holds.
    private static readonly string OccurrencesSql = $$"""
        SELECT toString(topic) AS topic, partition, offset, toUnixTimestamp64Milli(broker_ts), toUnixTimestamp64Milli(recorded_at) AS recorded, toString(verdict),
            toString(reason), message, if(length(value) >= 5 AND substring(value, 1, 1) = char(0), toNullable(reinterpretAsUInt32(reverse(substring(value, 2, 4)))), NULL)
        FROM raw_events
        WHERE event_hash = {hash:UInt64} AND position(value, {id:String}) > 0
        ORDER BY topic, partition, offset, recorded DESC
        LIMIT 1 BY topic, partition, offset
        {{Limit}}
        {{FewThreads}}
        """;

    private const string BatchesSql = $$"""
        SELECT partition, toUnixTimestamp64Milli(recorded_at) AS recorded, min(offset), max(offset), uniqExact(offset)
        FROM raw_events
        WHERE topic = {topic:String} AND partition IN {partitions:Array(Int32)} AND offset >= {from:Int64} AND offset <= {to:Int64} AND recorded_at IN {times:Array(DateTime64(3, 'UTC'))}
        GROUP BY partition, recorded
        {{FewThreads}}
        """;

    private static readonly string RowsSql = $$"""
        SELECT toString(topic) AS topic, partition, offset, event_id, toUnixTimestamp64Milli(event_ts), toUnixTimestamp64Milli(recorded_at) AS recorded, sku_id,
            toString(location_id), toString(counterpart_location_id), toString(movement_type), qty_delta, counted_qty, unit_price, toString(currency),
            toString(source_system), reference_id, stocked, corrects_event_id
        FROM ledger
        WHERE event_id = {id:String}
        ORDER BY topic, partition, offset, recorded
        LIMIT 1 BY topic, partition, offset
        {{Limit}}
        {{FewThreads}}
        """;

    private const string Keys = "sku_id = {sku:String} AND location_id IN {locations:Array(String)}";
    private const string Hours = "hour >= {from:DateTime64(3, 'UTC')} AND hour <= {to:DateTime64(3, 'UTC')}";

    private const string AggregatesSql = $$"""
        SELECT 'demand_hourly' AS name, toString(location_id), toUnixTimestamp(hour) AS start, max(revision), toUnixTimestamp64Milli(argMax(recorded_at, (revision, known)))
        FROM demand_hourly WHERE {{Keys}} AND {{Hours}} GROUP BY location_id, hour
        UNION ALL
        SELECT 'position_hourly', toString(location_id), toUnixTimestamp(hour) AS start, max(revision), toUnixTimestamp64Milli(argMax(recorded_at, (revision, known)))
        FROM position_hourly WHERE {{Keys}} AND {{Hours}} GROUP BY location_id, hour
        UNION ALL
        SELECT 'demand_daily', toString(location_id), toUnixTimestamp(toDateTime(day, 'UTC')) AS start, max(revision), toUnixTimestamp64Milli(argMax(recorded_at, (revision, known)))
        FROM demand_daily WHERE {{Keys}} AND day >= toDate({from:DateTime64(3, 'UTC')}) AND day <= toDate({to:DateTime64(3, 'UTC')}) GROUP BY location_id, day
        """;

    // The first it caused, then those that touch its keys; a revision names the latest of its causes only.
    private static readonly string RestatementsSql = $$"""
        SELECT toString(restated) AS name, toString(location_id), toUnixTimestamp(start) AS start, revision, toUnixTimestamp64Milli(recorded_at) AS recorded, cause_event_id, net_units, on_hand
        FROM restatements FINAL
        WHERE sku_id = {sku:String} AND (cause_event_id = {id:String} OR (location_id IN {locations:Array(String)}
            AND (restated, toUnixTimestamp(restatements.start)) IN arrayZip({tables:Array(String)}, {starts:Array(UInt32)})))
        ORDER BY cause_event_id = {id:String} DESC, recorded, name, start
        {{Limit}}
        {{FewThreads}}
        """;

    private static readonly string PostingsSql = $$"""
        SELECT toString(period) AS name, toString(location_id), toUnixTimestamp(start) AS start, toUnixTimestamp(posting_hour), toUnixTimestamp64Milli(recorded_at) AS recorded, cause_event_id, net_units
        FROM period_postings FINAL
        WHERE sku_id = {sku:String} AND (cause_event_id = {id:String} OR (location_id IN {locations:Array(String)}
            AND (if(period = 'hour', 'demand_hourly', 'demand_daily'), toUnixTimestamp(period_postings.start)) IN arrayZip({tables:Array(String)}, {starts:Array(UInt32)})))
        ORDER BY cause_event_id = {id:String} DESC, recorded, name, start
        {{Limit}}
        {{FewThreads}}
        """;

    private static readonly string CompensationsSql = $$"""
        SELECT run_id, toUnixTimestamp64Milli(recorded_at) AS recorded, toString(action), event_id, concat(toString(topic), '/', toString(partition), '/', toString(as_of_offset)),
            compensations
        FROM reconciliation FINAL
        WHERE kind = 'duplicate' AND (event_id = {id:String} OR has(compensations, {id:String}))
        ORDER BY recorded, action DESC
        {{Limit}}
        """;

    /// <summary>The event's lineage as known now; null where no record of it is in the history.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<EventLineage?> ReadAsync(string eventId, CancellationToken token)
    {
        var occurrences = await OccurrencesAsync(eventId, token);
        var rows = await RowsAsync(eventId, token);
        if (occurrences.Count == 0 && rows.Count == 0)
        {
            return null;
        }

        var told = new Told(eventId);
        foreach (var sku in rows.GroupBy(row => row.Entry.SkuId, StringComparer.Ordinal).Take(MaximumSkus))
        {
            await FollowAsync(told, sku.Key, [.. sku], token);
        }

        await foreach (var row in clickHouse.QueryAsync(CompensationsSql, Id(eventId), token))
        {
            told.Compensations.Add(new LineageCompensation(row.Get<string>(0)!, Instant(row.Get<long>(1)), row.Get<string>(2)!, row.Get<string>(3)!, row.Get<string>(4)!,
                row.Texts(5)));
        }

        return told.Result(occurrences);
    }

    private async Task FollowAsync(Told told, string sku, IReadOnlyList<Row> rows, CancellationToken token)
    {
        var effects = await history.EffectsAsync(sku, AsOf.Everything, token);
        var known = await history.KnownAsync(effects, sku, AsOf.Everything, token);
        var places = new List<LedgerEntry>();
        foreach (var (entry, corrects) in rows)
        {
            if (entry.MovementType == MovementType.Correction.Name())
            {
                var correction = effects.Resolved.Concat(effects.Unresolved).First(made => made.Fact.EventId == entry.EventId);
                var root = correction.Fact.RootId;
                told.Movements.Add(Movement(entry, null, null, corrects, root, IsInEffect(known, root, entry.EventId)));
                places.AddRange((await RowsAsync(root, token)).Where(row => row.Entry.SkuId == sku).Select(row => row.Entry));
                continue;
            }

            var entries = known.Entries(entry).ToList();
            var isCount = entry.Counted is not null;
            told.Movements.Add(Movement(entry, isCount ? null : entries.Sum(effect => effect.Quantity), isCount ? entries[0].Counted : null, "", "", true));
            places.Add(entry);
        }

        foreach (var correction in effects.Resolved.Concat(effects.Unresolved).Where(correction => LeadsTo(effects, correction, told.EventId)))
        {
            var fact = correction.Fact;
            told.Corrections.Add(new LineageCorrection(fact.EventId, fact.Corrects, fact.Quantity, Instant(fact.RecordedTs), fact.SourceSystem,
                IsInEffect(known, fact.RootId, fact.EventId)));
        }

        await TouchedAsync(told, sku, places, token);
    }

    private async Task TouchedAsync(Told told, string sku, List<LedgerEntry> places, CancellationToken token)
    {
        var wanted = places.SelectMany(Touched).Distinct().Take(EventLineage.Most + 1).ToList();
        if (wanted.Count == 0)
        {
            return;
        }

        var tables = wanted.Select(key => (key.Table, key.Start)).Distinct().ToList();
        var parameters = Id(told.EventId);
        parameters["sku"] = sku;
        parameters["locations"] = wanted.Select(key => key.Location).Distinct().ToArray();
        parameters["from"] = wanted.Min(key => key.Start);
        parameters["to"] = wanted.Max(key => key.Start);
        parameters["tables"] = tables.Select(key => key.Table).ToArray();
        parameters["starts"] = tables.Select(key => (uint)Seconds(key.Start)).ToArray();
        var closed = DateTime.UnixEpoch.AddSeconds(await clickHouse.QueryScalarAsync<long>("SELECT toUnixTimestamp(closed_through) FROM hour_closes_current", token: token));
        var revisions = new Dictionary<Key, (long Revision, DateTime At)>();
        await foreach (var row in clickHouse.QueryAsync(AggregatesSql, parameters, token))
        {
            revisions[new Key(row.Get<string>(0)!, row.Get<string>(1)!, Second(row.Get<long>(2)))] = (row.Get<long>(3), Instant(row.Get<long>(4)));
        }

        foreach (var key in wanted)
        {
            var has = revisions.TryGetValue(key, out var newest);
            told.Aggregates.Add(new LineageAggregate(key.Table, sku, key.Location, key.Start, key.End <= closed, has ? newest.Revision : null, has ? newest.At : null));
        }

        await foreach (var row in clickHouse.QueryAsync(RestatementsSql, parameters, token))
        {
            var cause = row.Get<string>(5)!;
            told.Restatements.Add(new LineageRestatement(row.Get<string>(0)!, row.Get<string>(1)!, Second(row.Get<long>(2)), row.Get<long>(3), Instant(row.Get<long>(4)),
                cause == told.EventId, cause, row.Get<long>(6), row.Get<long>(7)));
        }

        await foreach (var row in clickHouse.QueryAsync(PostingsSql, parameters, token))
        {
            var cause = row.Get<string>(5)!;
            told.Postings.Add(new LineagePosting(row.Get<string>(0)!, row.Get<string>(1)!, Second(row.Get<long>(2)), Second(row.Get<long>(3)), Instant(row.Get<long>(4)),
                cause == told.EventId, cause, row.Get<long>(6)));
        }
    }

    private async Task<List<EventOccurrence>> OccurrencesAsync(string eventId, CancellationToken token)
    {
        var parameters = Id(eventId);
        parameters["hash"] = (ulong)SipHash128.Hash(Encoding.UTF8.GetBytes(eventId));
        var found = new List<EventOccurrence>();
        await foreach (var row in clickHouse.QueryAsync(OccurrencesSql, parameters, token))
        {
            var (partition, offset, verdict) = (row.Get<int>(1), row.Get<long>(2), row.Get<string>(5)!);
            long? first = verdict == "duplicate"
                ? found.LastOrDefault(other => other.Verdict == "accepted" && other.Partition == partition && other.Topic == row.Get<string>(0))?.Offset
                : null;
            found.Add(new EventOccurrence(row.Get<string>(0)!, partition, offset, Instant(row.Get<long>(3)), row.Get<long?>(8), verdict, Text(row.Get<string>(6)!),
                Text(row.Get<string>(7)!), first, new LineageBatch(Instant(row.Get<long>(4)), offset, offset, 1)));
        }

        foreach (var topic in found.GroupBy(occurrence => occurrence.Topic).ToList())
        {
            var batches = new Dictionary<(int, DateTime), LineageBatch>();
            await foreach (var row in clickHouse.QueryAsync(BatchesSql, new Dictionary<string, object?>
            {
                ["topic"] = topic.Key,
                ["partitions"] = topic.Select(occurrence => occurrence.Partition).Distinct().ToArray(),
                ["from"] = topic.Min(occurrence => occurrence.Offset) - BatchReach,
                ["to"] = topic.Max(occurrence => occurrence.Offset) + BatchReach,
                ["times"] = topic.Select(occurrence => occurrence.Batch.RecordedAt).Distinct().ToArray(),
            }, token))
            {
                var at = Instant(row.Get<long>(1));
                batches[(row.Get<int>(0), at)] = new LineageBatch(at, row.Get<long>(2), row.Get<long>(3), row.Get<long>(4));
            }

            for (var i = 0; i < found.Count; i++)
            {
                found[i] = found[i].Topic == topic.Key && batches.TryGetValue((found[i].Partition, found[i].Batch.RecordedAt), out var batch) ? found[i] with { Batch = batch } : found[i];
            }
        }

        return found;
    }

    private async Task<List<Row>> RowsAsync(string eventId, CancellationToken token)
    {
        var rows = new List<Row>();
        await foreach (var row in clickHouse.QueryAsync(RowsSql, Id(eventId), token))
        {
            rows.Add(new Row(LedgerRows.Entry(row), row.Get<string>(17)!));
        }

        return rows;
    }

    private static bool IsInEffect(KnownCorrections known, string root, string correction) => known.On(root).Any(made => made.Fact.EventId == correction);

    // By as many steps as there are corrections at most, so that a circle ends.
    private static bool LeadsTo(CorrectionEffects effects, LedgerCorrection correction, string eventId)
    {
        var (next, steps) = (correction.Fact.Corrects, effects.Resolved.Count + effects.Unresolved.Count);
        while (next != eventId && steps-- > 0)
        {
            var through = effects.Resolved.Concat(effects.Unresolved).FirstOrDefault(other => other.Fact.EventId == next);
            if (through is null)
            {
                return false;
            }

            next = through.Fact.Corrects;
        }

        return next == eventId;
    }

    private static IEnumerable<Key> Touched(LedgerEntry entry)
    {
        var at = Instant(entry.EventTs);
        var hour = at.Date.AddHours(at.Hour);
        var isTransfer = entry.MovementType == MovementType.TransferOut.Name() || entry.MovementType == MovementType.TransferIn.Name();
        foreach (var location in isTransfer ? new[] { entry.LocationId, entry.CounterpartId } : [entry.LocationId])
        {
            yield return new Key("demand_hourly", location, hour);
            yield return new Key("demand_daily", location, at.Date);
            yield return new Key("position_hourly", location, hour);
        }
    }

    private static LineageMovement Movement(LedgerEntry entry, long? quantity, long? counted, string corrects, string root, bool inEffect) => new(
        entry.Record, entry.MovementType, entry.SkuId, entry.LocationId, Text(entry.CounterpartId),
        Instant(entry.EventTs), Instant(entry.RecordedTs), entry.Quantity, entry.Counted, quantity, counted, entry.SourceSystem, entry.ReferenceId, entry.Stocked,
        Text(corrects), Text(root), inEffect);

    private static Dictionary<string, object?> Id(string eventId) => new() { ["id"] = eventId };

    private static string? Text(string text) => text.Length == 0 ? null : text;

    private static DateTime Instant(long milliseconds) => DateTime.UnixEpoch.AddMilliseconds(milliseconds);

    private static DateTime Second(long seconds) => DateTime.UnixEpoch.AddSeconds(seconds);

    private static long Seconds(DateTime time) => (long)(time - DateTime.UnixEpoch).TotalSeconds;

    private readonly record struct Row(LedgerEntry Entry, string Corrects);

    private readonly record struct Key(string Table, string Location, DateTime Start)
    {
        public DateTime End => Table == "demand_daily" ? Start.AddDays(1) : Start.AddHours(1);
    }

    /// <summary>What is gathered on the way.</summary>
    private sealed class Told(string eventId)
    {
        public string EventId => eventId;

        public List<LineageMovement> Movements { get; } = [];

        public List<LineageCorrection> Corrections { get; } = [];

        public List<LineageAggregate> Aggregates { get; } = [];

        public List<LineageRestatement> Restatements { get; } = [];

        public List<LineagePosting> Postings { get; } = [];

        public List<LineageCompensation> Compensations { get; } = [];

        public EventLineage Result(List<EventOccurrence> occurrences)
        {
            var isCut = false;
            return new EventLineage
            {
                EventId = eventId,
                Occurrences = Cut(occurrences),
                Movements = Cut(Movements),
                Corrections = Cut(Corrections),
                Aggregates = Cut(Aggregates),
                Restatements = Cut(Restatements),
                Postings = Cut(Postings),
                Compensations = Cut(Compensations),
                IsCut = isCut,
            };

            List<T> Cut<T>(List<T> list)
            {
                isCut |= list.Count > EventLineage.Most;
                return list.Count > EventLineage.Most ? list[..EventLineage.Most] : list;
            }
        }
    }
}
