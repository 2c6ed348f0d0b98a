using System.Globalization;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Events that wait in quarantine, by the rule that holds them.</summary>
/// <param name="Rule">Its name.</param>
/// <param name="Events">How many.</param>
/// <param name="Samples">topic/partition/offset of some.</param>
public sealed record Quarantined(string Rule, long Events, IReadOnlyList<string> Samples);

/// <summary>
/// Evaluates data quality rules on ClickHouse. Each is one query on a stretch of time that an index finds: the last minutes of <c>raw_events</c>, or a few
/// hours of <c>ledger_by_time</c>; only positions below zero and the quarantine are looked up whole, by position and by an index on the reason.
/// </summary>
/// <param name="clickHouse">The history.</param>
/// <param name="topic">Topic of the movements.</param>
/// <param name="catalog">Reference data to look ids of the ledger up in; null where it is not at hand.</param>
public sealed class QualityEvaluator(IClickHouse clickHouse, string topic, ReferenceCatalog? catalog)
{
    private const int Samples = 5, MostIds = 200_000;
    private const string Bounded = "SETTINGS max_threads = 2, max_execution_time = 8";
    private const string Window = "topic = {topic:String} AND recorded_at >= {since:DateTime64(3, 'UTC')} AND recorded_at < {until:DateTime64(3, 'UTC')}";

    /// <summary>A source that was silent for longer has gone: nothing tells it from one that never was.</summary>
    private static readonly TimeSpan FreshnessReach = TimeSpan.FromDays(7);

    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    // The latest record of an event counts: one that was released is accepted, or a dead letter for another reason.
    private static readonly string QuarantineSql = $$"""
        SELECT extract(last.2, '^Rule \'([a-z0-9_]+)\'') AS rule, count(), arraySlice(groupArray(last.3), 1, {{Samples.ToString(CultureInfo.InvariantCulture)}})
        FROM
        (
            SELECT argMax((toString(reason), message, concat(toString(topic), '/', toString(partition), '/', toString(offset))), (offset, recorded_at)) AS last
            FROM raw_events
            WHERE event_hash IN (SELECT event_hash FROM raw_events WHERE reason = 'quarantined' AND event_hash != 0)
            GROUP BY event_hash
            HAVING last.1 = 'quarantined' AND countIf(verdict = 'accepted') = 0
        )
        GROUP BY rule
        ORDER BY rule
        {{Bounded}}
        """;

    /// <summary>What waits in quarantine, whatever rules there are now.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<IReadOnlyList<Quarantined>> QuarantinedAsync(CancellationToken token)
    {
        var waiting = new List<Quarantined>();
        await foreach (var row in clickHouse.QueryAsync(QuarantineSql, token: token))
        {
            waiting.Add(new Quarantined(row.Get<string>(0)!, row.Get<long>(1), row.Texts(2)));
        }

        return waiting;
    }

    /// <summary>Evaluates one rule. What ClickHouse refuses, a query that takes too long for example, is a result of its own.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="now">The time that it is evaluated as of.</param>
    /// <param name="waiting">What waits in quarantine.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<QualityResult> EvaluateAsync(QualityRule rule, DateTimeOffset now, IReadOnlyList<Quarantined> waiting, CancellationToken token)
    {
        var until = DateTime.UnixEpoch.AddMilliseconds(now.ToUnixTimeMilliseconds());
        var unknown = new QualityResult(rule.Name, rule.KindName, rule.Severity, rule.Description, QualityStatus.Unknown, until, until.AddMinutes(-rule.WindowMinutes), until,
            null, null, rule.Threshold, 0, []);
        try
        {
            return rule.Kind switch
            {
                QualityKind.Schema => await ShareAsync(rule, unknown, rule.Reasons.Count > 0
                    ? "reason IN {reasons:Array(String)}"
                    : "verdict = 'dead_letter' AND reason NOT IN ('unknown_sku', 'unknown_location', 'quarantined')", token),
                QualityKind.Reference => await ReferenceAsync(rule, unknown, token),
                QualityKind.Uniqueness => await ShareAsync(rule, unknown, "verdict = 'duplicate'", token),
                QualityKind.Freshness => await FreshnessAsync(rule, unknown, token),
                QualityKind.Volume or QualityKind.Value => await AnomalyAsync(rule, unknown, token),
                QualityKind.Negative => await NegativeAsync(rule, unknown, token),
                _ => Held(rule, unknown, waiting),
            };
        }
        catch (ClickHouseException e) when (!e.IsTransient)
        {
            return unknown with { Samples = [e.Message] };
        }
    }

    private async Task<QualityResult> ShareAsync(QualityRule rule, QualityResult result, string broken, CancellationToken token)
    {
        var sql = $$"""
            SELECT count(), countIf(bad), groupUniqArrayIf({{Samples}})(place, bad)
            FROM
            (
                SELECT {{broken}} AS bad, concat(toString(topic), '/', toString(partition), '/', toString(offset), if(reason = '', '', concat(' ', toString(reason)))) AS place
                FROM raw_events WHERE {{Window}}
            )
            {{Bounded}}
            """;
        var row = await OnlyAsync(sql, Parameters(rule, result), token);
        var (records, bad) = (row.Get<long>(0), row.Get<long>(1));
        return records < rule.MinimumRecords
            ? result with { Samples = [Text($"{records} records came, {rule.MinimumRecords} are needed to judge")] }
            : Judged(rule, result with { Observed = (double)bad / records, Violations = bad, Samples = row.Texts(2) });
    }

    // Ids that the ledger has and the reference data lacks: those that left it, and all where decode.requireKnownIds is off.
    private async Task<QualityResult> ReferenceAsync(QualityRule rule, QualityResult result, CancellationToken token)
    {
        var refused = await ShareAsync(rule, result, rule.Field == "sku" ? "reason = 'unknown_sku'" : "reason = 'unknown_location'", token);
        if (catalog is null || refused.Status == QualityStatus.Unknown)
        {
            return refused;
        }

        var column = rule.Field == "sku" ? "sku_id" : "toString(location_id)";
        var (ids, lacking) = (0L, new List<string>());
        await foreach (var row in clickHouse.QueryAsync($$"""
            SELECT DISTINCT {{column}} FROM ledger_by_time
            WHERE hour >= toStartOfHour({since:DateTime64(3, 'UTC')}) AND {{Window}}
            LIMIT {{MostIds}}
            {{Bounded}}
            """, Parameters(rule, result), token))
        {
            ids++;
            var id = row.Get<string>(0)!;
            if (rule.Field == "sku" ? !catalog.TryGetSku(id, out _) : !catalog.HasLocation(id))
            {
                lacking.Add(id);
            }
        }

        return Judged(rule, refused with
        {
            Observed = Math.Max(refused.Observed ?? 0, ids == 0 ? 0 : (double)lacking.Count / ids),
            Violations = refused.Violations + lacking.Count,
            Samples = [.. refused.Samples.Concat(lacking.Take(Samples).Select(id => $"{rule.Field} {id} is in the ledger")).Take(Samples)],
        });
    }

    private async Task<QualityResult> FreshnessAsync(QualityRule rule, QualityResult result, CancellationToken token)
    {
        var parameters = Parameters(rule, result);
        parameters["late"] = rule.MaximumLatenessMinutes ?? 0;
        long last = 0;
        foreach (var reach in new[] { TimeSpan.FromMinutes(rule.MaximumAgeMinutes), FreshnessReach })
        {
            parameters["from"] = result.Until - reach;
            last = last > 0 ? last : await clickHouse.QueryScalarAsync<long>($$"""
                SELECT toUnixTimestamp64Milli(max(event_ts)) FROM ledger_by_time
                WHERE hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND source_system = {source:String} AND topic = {topic:String}
                {{Bounded}}
                """, parameters, token);
        }

        if (last <= 0)
        {
            return result with { Samples = [Text($"no event of {rule.Source} within {FreshnessReach.TotalDays:0} days")] };
        }

        var at = DateTime.UnixEpoch.AddMilliseconds(last);
        result = Judged(rule, result with
        {
            Since = at,
            Observed = Math.Max(0, (result.Until - at).TotalMinutes),
            Violations = (result.Until - at).TotalMinutes > rule.MaximumAgeMinutes ? 1 : 0,
            Samples = [Text($"last event of {rule.Source} at {at:yyyy-MM-dd HH:mm:ss}")],
        });
        if (rule.MaximumLatenessMinutes is not { } latest)
        {
            return result;
        }

        var row = await OnlyAsync($$"""
            SELECT count(), countIf(minutes > {late:Float64}), ifNotFinite(quantileExact(0.95)(minutes), 0)
            FROM
            (
                SELECT (toUnixTimestamp64Milli(recorded_at) - toUnixTimestamp64Milli(event_ts)) / 60000 AS minutes FROM ledger_by_time
                WHERE hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND source_system = {source:String} AND {{Window}}
            )
            {{Bounded}}
            """, parameters, token);
        var (records, late, usual) = (row.Get<long>(0), row.Get<long>(1), row.Get<double>(2));
        return records < rule.MinimumRecords || usual <= latest ? result : result with
        {
            Status = QualityStatus.Fail,
            Violations = result.Violations + late,
            Samples = [.. result.Samples, Text($"{late} of {records} events came more than {latest} minutes late, 95 % within {usual:0.0}")],
        };
    }

    private async Task<QualityResult> AnomalyAsync(QualityRule rule, QualityResult result, CancellationToken token)
    {
        var end = result.Until.AddMinutes(-rule.GraceMinutes);
        var hour = new DateTime(end.Year, end.Month, end.Day, end.Hour, 0, 0, DateTimeKind.Utc).AddHours(-1);
        result = result with { Since = hour, Until = hour.AddHours(1) };
        var parameters = Parameters(rule, result);
        parameters["hours"] = Enumerable.Range(0, rule.Weeks + 1).Select(weeks => (uint)(hour - (weeks * Week) - DateTime.UnixEpoch).TotalSeconds).ToArray();
        var sales = "movement_type IN ('SALE', 'SHIP')";
        var measure = rule.Kind == QualityKind.Volume ? "toFloat64(count())" : rule.Field == "units" ? "avg(-qty_delta)" : "toFloat64(avg(unit_price))";
        var sources = new SortedDictionary<string, Dictionary<DateTime, double>>(StringComparer.Ordinal);
        await foreach (var row in clickHouse.QueryAsync($$"""
            SELECT toString(source_system), toUnixTimestamp(hour), {{measure}}
            FROM ledger_by_time
            WHERE hour IN arrayMap(start -> toDateTime(start, 'UTC'), {hours:Array(UInt32)}) AND topic = {topic:String} AND source_system != '' {{(rule.Source.Length > 0 ? "AND source_system = {source:String}" : "")}}
                {{(rule.Kind == QualityKind.Value ? "AND " + sales : "")}} {{(rule.Field == "price" ? "AND unit_price IS NOT NULL" : "")}}
            GROUP BY source_system, hour
            {{Bounded}}
            """, parameters, token))
        {
            var source = row.Get<string>(0)!;
            (sources.TryGetValue(source, out var hours) ? hours : sources[source] = [])[DateTime.UnixEpoch.AddSeconds(row.Get<long>(1))] = row.Get<double>(2);
        }

        var judged = sources.Select(source => Score(rule, source.Key, source.Value, hour)).OfType<Anomaly>().ToList();
        if (judged.Count == 0)
        {
            return result with { Samples = [Text($"no source has this hour in {rule.MinimumWeeks} of the {rule.Weeks} weeks before")] };
        }

        var odd = judged.Where(one => one.Distance > rule.MaximumScore).OrderByDescending(one => one.Distance).ToList();
        var worst = judged.MaxBy(one => one.Distance)!;
        return result with
        {
            Status = odd.Count > 0 ? QualityStatus.Fail : QualityStatus.Pass,
            Observed = worst.Value,
            Expected = worst.Median,
            Violations = odd.Count,
            Samples = [.. odd.Take(Samples).Select(one => Text($"{one.Source}: {one.Value:0.##}, usual {one.Median:0.##}, score {one.Score:0.0}"))],
        };
    }

    // A week without events counts as one with none, once the source was there; it has no mean value.
    private static Anomaly? Score(QualityRule rule, string source, Dictionary<DateTime, double> hours, DateTime hour)
    {
        var isVolume = rule.Kind == QualityKind.Volume;
        var first = hours.Keys.Min();
        var history = Enumerable.Range(1, rule.Weeks).Select(weeks => hour - (weeks * Week)).Where(week => isVolume ? week >= first : hours.ContainsKey(week))
            .Select(week => hours.GetValueOrDefault(week)).ToList();
        if (history.Count < rule.MinimumWeeks || (!isVolume && !hours.ContainsKey(hour)))
        {
            return null;
        }

        var value = hours.GetValueOrDefault(hour);
        var (score, median) = RobustScore.Of(value, history, rule.FloorShare, rule.Floor);
        return new Anomaly(source, value, median, score, rule.Direction switch
        {
            QualityDirection.Low => -score,
            QualityDirection.High => score,
            _ => Math.Abs(score),
        });
    }

    private async Task<QualityResult> NegativeAsync(QualityRule rule, QualityResult result, CancellationToken token)
    {
        var row = await OnlyAsync($$"""
            SELECT count(), countIf(closing.on_hand < 0), groupArrayIf({{Samples}})(concat(sku_id, ' at ', toString(location_id), ': ', toString(closing.on_hand)), closing.on_hand < 0),
                toUnixTimestamp(max(through))
            FROM position_state FINAL
            WHERE period = 'hour' AND is_gone = 0
            {{Bounded}}
            """, null, token);
        if (row.Get<long>(0) == 0)
        {
            return result with { Samples = ["no hour is closed yet"] };
        }

        var through = DateTime.UnixEpoch.AddSeconds(row.Get<long>(3));
        return Judged(rule, result with { Since = through, Until = through, Observed = row.Get<long>(1), Violations = row.Get<long>(1), Samples = row.Texts(2) });
    }

    private static QualityResult Held(QualityRule rule, QualityResult result, IReadOnlyList<Quarantined> waiting)
    {
        var held = waiting.FirstOrDefault(one => one.Rule == rule.Name);
        return Judged(rule, result with { Observed = held?.Events ?? 0, Violations = held?.Events ?? 0, Samples = held?.Samples ?? [] });
    }

    private static QualityResult Judged(QualityRule rule, QualityResult result) =>
        result with { Status = result.Observed > rule.Threshold ? QualityStatus.Fail : QualityStatus.Pass };

    private Dictionary<string, object?> Parameters(QualityRule rule, QualityResult result) => new()
    {
        ["topic"] = topic,
        ["since"] = result.Since,
        ["until"] = result.Until,
        ["source"] = rule.Source,
        ["reasons"] = rule.Reasons.ToArray(),
    };

    private async Task<ClickHouseRow> OnlyAsync(string sql, Dictionary<string, object?>? parameters, CancellationToken token)
    {
        await foreach (var row in clickHouse.QueryAsync(sql, parameters, token))
        {
            return row;
        }

        throw ClickHouseException.Unreadable("no row of an aggregate");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed record Anomaly(string Source, double Value, double Median, double Score, double Distance);
}
