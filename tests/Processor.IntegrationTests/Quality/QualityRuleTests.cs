using System.Globalization;
using Stockflow.History;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Xunit;

namespace Stockflow.IntegrationTests.Quality;

/// <summary>Each kind of rule on real tables: it finds the fault that was planted, and is quiet without it.</summary>
[Collection(QualityCollection.Name)]
public sealed class QualityRuleTests(SharedClickHouse shared)
{
    // Half past: hours and weeks before are told from it.
    private static readonly DateTimeOffset Now = Floor(DateTimeOffset.UtcNow).AddMinutes(30);

    [Fact]
    public async Task Shares_count_the_records_of_the_window_alone()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        await RawAsync(client, 1000, "accepted", "", -1);
        await RawAsync(client, 30, "dead_letter", "quantity_sign", -2);
        await RawAsync(client, 20, "dead_letter", "unknown_sku", -2);
        await RawAsync(client, 10, "dead_letter", "unknown_location", -2);
        await RawAsync(client, 40, "dead_letter", "quarantined", -2);
        await RawAsync(client, 100, "duplicate", "", -3);
        await RawAsync(client, 9000, "dead_letter", "avro_malformed", -60);
        const double All = 1200;

        Assert.Equal(("pass", 30 / All, 30L), await JudgeAsync(client, "kind: schema, max_share: 0.026"));
        Assert.Equal(("fail", 30 / All, 30L), await JudgeAsync(client, "kind: schema, max_share: 0.024"));
        Assert.Equal(("pass", 0.0, 0L), await JudgeAsync(client, "kind: schema, max_share: 0, reasons: [avro_malformed]"));
        Assert.Equal(("fail", 40 / All, 40L), await JudgeAsync(client, "kind: schema, max_share: 0, reasons: [quarantined]"));
        Assert.Equal(("fail", 9030 / (All + 9000), 9030L), await JudgeAsync(client, "kind: schema, max_share: 0.5, window_minutes: 120"));
        Assert.Equal(("fail", 20 / All, 20L), await JudgeAsync(client, "kind: reference, field: sku, max_share: 0.016"));
        Assert.Equal(("pass", 10 / All, 10L), await JudgeAsync(client, "kind: reference, field: location, max_share: 0.01"));
        Assert.Equal(("fail", 100 / All, 100L), await JudgeAsync(client, "kind: uniqueness, max_share: 0.08"));
        var unknown = await EvaluateAsync(client, "kind: schema, max_share: 0, minimum_records: 1201");
        Assert.Equal(("unknown", "1200 records came, 1201 are needed to judge"), (unknown.Status, unknown.Samples.Single()));
        var found = await EvaluateAsync(client, "kind: uniqueness, max_share: 0.08");
        Assert.Equal(5, found.Samples.Count);
        Assert.All(found.Samples, sample => Assert.StartsWith("t/0/", sample, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Ids_of_the_ledger_are_looked_up_in_the_reference_data()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        await RawAsync(client, 200, "accepted", "", -1);
        await LedgerAsync(client, "POS", Now.AddMinutes(-5), 1, sku: "known");
        await LedgerAsync(client, "POS", Now.AddMinutes(-4), 3, sku: "ghost");
        var catalog = new ReferenceCatalog();
        catalog.PutSku("known", true);
        catalog.PutLocation("L");
        Assert.Equal("pass", (await EvaluateAsync(client, "kind: reference, field: location, max_share: 0.01", catalog)).Status);
        var found = await EvaluateAsync(client, "kind: reference, field: sku, max_share: 0.01", catalog);
        Assert.Equal(("fail", 0.5, 1L, "sku ghost is in the ledger"), (found.Status, found.Observed, found.Violations, found.Samples.Single()));
    }

    [Fact]
    public async Task A_source_is_stale_after_its_time_and_late_by_most_of_its_events()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        await LedgerAsync(client, "POS", Now.AddMinutes(-10), 5);
        await LedgerAsync(client, "OLD", Now.AddDays(-2), 5);
        await LedgerAsync(client, "SLOW", Now.AddMinutes(-50), 200, recorded: Now.AddMinutes(-5));
        Assert.Equal(("pass", 10.0, 0L), await JudgeAsync(client, "kind: freshness, source: POS, max_age_minutes: 11"));
        Assert.Equal(("fail", 10.0, 1L), await JudgeAsync(client, "kind: freshness, source: POS, max_age_minutes: 9"));
        Assert.Equal(("fail", 2880.0, 1L), await JudgeAsync(client, "kind: freshness, source: OLD, max_age_minutes: 60"));
        Assert.Equal("unknown", (await EvaluateAsync(client, "kind: freshness, source: NONE, max_age_minutes: 60")).Status);
        Assert.Equal("pass", (await EvaluateAsync(client, "kind: freshness, source: SLOW, max_age_minutes: 60, max_lateness_minutes: 46")).Status);
        Assert.Equal(("fail", 50.0, 200L), await JudgeAsync(client, "kind: freshness, source: SLOW, max_age_minutes: 60, max_lateness_minutes: 44"));
    }

    [Fact]
    public async Task An_hour_is_compared_with_the_same_hour_of_other_weeks()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        var hour = Floor(Now).AddHours(-1);
        long[] busy = [1010, 1000, 990, 1020, 980], quiet = [50, 52, 48, 50, 51];
        for (var week = 0; week <= 4; week++)
        {
            // A busy hour after a quiet one: a rule that knew no hour of the week would alarm at every opening of the shops.
            await LedgerAsync(client, "POS", hour.AddDays(-7 * week), busy[week], price: 10);
            await LedgerAsync(client, "POS", hour.AddHours(-1).AddDays(-7 * week), quiet[week], price: 10);
            await LedgerAsync(client, "ECOM", hour.AddDays(-7 * week), week == 0 ? 300 : busy[week], price: week == 0 ? 100 : 10 + (week * 0.1m), units: week == 0 ? 9 : 2);
            await LedgerAsync(client, "GONE", hour.AddDays(-7 * week), week == 0 ? 0 : 400);
            await LedgerAsync(client, "NEW", hour.AddDays(-7 * week), week > 2 ? 0 : week == 0 ? 9000 : 10);
        }

        foreach (var now in new[] { Now, Now.AddHours(-1) })
        {
            foreach (var rule in new[] { "kind: volume, source: POS", "kind: value, source: POS, measure: price" })
            {
                var result = await EvaluateAsync(client, rule, now: now);
                Assert.True(result.Status == "pass", $"{result} {string.Join(' ', result.Samples)}");
            }
        }

        // ECOM: 300 against 1000, 990, 1020, 980: median 995, distances 5, 5, 25, 15, so MAD 10, but not below 5 % of the median.
        var fallen = await EvaluateAsync(client, "kind: volume, source: ECOM");
        Assert.Equal(("fail", 300.0, 995.0, 1L), (fallen.Status, fallen.Observed, fallen.Expected, fallen.Violations));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"ECOM: 300, usual 995, score {0.6745 * (300 - 995) / 49.75:0.0}"), fallen.Samples.Single());
        Assert.Equal("pass", (await EvaluateAsync(client, "kind: volume, source: ECOM, direction: high")).Status);
        Assert.Equal("pass", (await EvaluateAsync(client, "kind: volume, source: ECOM, max_score: 9.5")).Status);
        Assert.Equal(("fail", 0.0, 400.0), await ValuesAsync(client, "kind: volume, source: GONE"));
        Assert.Equal("unknown", (await EvaluateAsync(client, "kind: volume, source: NEW")).Status);

        // Of all sources: those that are odd, the worst first.
        var all = await EvaluateAsync(client, "kind: volume");
        Assert.Equal(["GONE", "ECOM"], all.Samples.Select(sample => sample.Split(':')[0]));
        Assert.Equal(("fail", 100.0, 10.25), await ValuesAsync(client, "kind: value, source: ECOM, measure: price, floor: 0.1"));
        Assert.Equal(("fail", 9.0, 2.0), await ValuesAsync(client, "kind: value, source: ECOM, measure: units, floor: 0.1"));
        Assert.Equal("unknown", (await EvaluateAsync(client, "kind: value, source: GONE, measure: units")).Status);
    }

    [Fact]
    public async Task Negative_positions_and_events_in_quarantine_are_counted()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        Assert.Equal("unknown", (await EvaluateAsync(client, "kind: negative")).Status);
        await client.ExecuteAsync("""
            INSERT INTO position_state (period, sku_id, location_id, since, through, is_new, is_gone, opening, closing, known)
            SELECT 'hour', concat('S', toString(number)), 'L', now(), now(), 0, number = 9, (0, 0, 0, 0, 0, 0, 0), (if(number IN (3, 9), -4, 5), 0, 0, 0, 0, 0, 0), 1 FROM numbers(10)
            """);
        var negative = await EvaluateAsync(client, "kind: negative");
        Assert.Equal(("fail", 1L, "S3 at L: -4"), (negative.Status, negative.Violations, negative.Samples.Single()));
        Assert.Equal("pass", (await EvaluateAsync(client, "kind: negative, max_positions: 1")).Status);

        // Event 1 waits, held twice; 2 was released and counted; 3 was released and is a dead letter for another reason; 4 waits under another rule.
        await HeldAsync(client, 1, 0, "dead_letter", "quarantined", "r");
        await HeldAsync(client, 1, 5, "dead_letter", "quarantined", "r");
        await HeldAsync(client, 2, 1, "dead_letter", "quarantined", "r");
        await HeldAsync(client, 2, 6, "accepted", "", "");
        await HeldAsync(client, 3, 2, "dead_letter", "quarantined", "r");
        await HeldAsync(client, 3, 7, "dead_letter", "unknown_sku", "");
        await HeldAsync(client, 4, 3, "dead_letter", "quarantined", "other");
        Assert.Equal(("fail", 1.0, 1L), await JudgeAsync(client, "kind: quarantine, when: { quantity_above: 5 }"));
        Assert.Equal([("other", 1L, "t/0/3"), ("r", 1L, "t/0/5")],
            (await new QualityEvaluator(client, "t", null).QuarantinedAsync(default)).Select(one => (one.Rule, one.Events, one.Samples.Single())));
    }

    [Fact]
    public async Task The_latest_result_of_each_rule_is_kept_and_read_back()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        var log = new QualityLog(client);
        var result = await EvaluateAsync(client, "kind: schema, max_share: 0.25");
        var failed = result with { Status = "fail", Observed = 0.5, Expected = 0.125, Violations = 7, Samples = ["it's \"x\""], EvaluatedAt = result.EvaluatedAt.AddSeconds(1) };
        await log.WriteAsync([failed], default);
        await log.WriteAsync([result, result with { Rule = "a" }], default);
        var read = await new HistoryReader(client).QualityAsync(default);
        Assert.Equal(["a", "r"], read.Select(one => one.Rule));
        Assert.Equal(failed with { Samples = read[1].Samples }, read[1]);
        Assert.Equal(failed.Samples, read[1].Samples);
    }

    private static DateTimeOffset Floor(DateTimeOffset time) => new(time.Year, time.Month, time.Day, time.Hour, 0, 0, TimeSpan.Zero);

    private static async Task<(string, double?, long)> JudgeAsync(ClickHouseClient client, string rule)
    {
        var result = await EvaluateAsync(client, rule);
        return (result.Status, result.Observed, result.Violations);
    }

    private static async Task<(string, double?, double?)> ValuesAsync(ClickHouseClient client, string rule)
    {
        var result = await EvaluateAsync(client, rule);
        return (result.Status, result.Observed is { } o ? Math.Round(o, 6) : null, result.Expected is { } e ? Math.Round(e, 6) : null);
    }

    private static async Task<QualityResult> EvaluateAsync(ClickHouseClient client, string rule, ReferenceCatalog? catalog = null, DateTimeOffset? now = null)
    {
        var evaluator = new QualityEvaluator(client, "t", catalog);
        var parsed = QualityRules.Parse("test", $"rules: [{{ name: r, severity: critical, description: d, {rule} }}]").Single();
        return await evaluator.EvaluateAsync(parsed, now ?? Now, await evaluator.QuarantinedAsync(default), default);
    }

    private static long offsets;

    private static Task RawAsync(ClickHouseClient client, int records, string verdict, string reason, int minutes) => client.ExecuteAsync($$"""
        INSERT INTO raw_events (topic, partition, offset, broker_ts, recorded_at, verdict, reason)
        SELECT 't', 0, {{Interlocked.Add(ref offsets, records) - records}} + number, {{Time(Now)}}, {{Time(Now.AddMinutes(minutes))}}, '{{verdict}}', '{{reason}}' FROM numbers({{records}})
        """);

    private static Task LedgerAsync(ClickHouseClient client, string source, DateTimeOffset at, long events, decimal price = 10, int units = 1, DateTimeOffset? recorded = null, string sku = "S") => client.ExecuteAsync($$"""
        INSERT INTO ledger (topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta, source_system, unit_price)
        SELECT 't', 0, {{Interlocked.Add(ref offsets, events) - events}} + number, concat('e', toString(number)), {{Time(at)}}, {{Time(at)}}, {{Time(at)}}, {{Time(recorded ?? Now.AddMinutes(-1))}},
            '{{sku}}', 'L', 'SALE', -{{units}}, '{{source}}', {{price.ToString(CultureInfo.InvariantCulture)}}
        FROM numbers({{events}})
        """);

    private static Task HeldAsync(ClickHouseClient client, int hash, long offset, string verdict, string reason, string rule) => client.ExecuteAsync($$"""
        INSERT INTO raw_events (topic, partition, offset, broker_ts, recorded_at, verdict, reason, event_hash, message)
        SELECT 't', 0, {{offset}}, {{Time(Now)}}, {{Time(Now)}}, '{{verdict}}', '{{reason}}', {{hash}}, '{{(rule.Length > 0 ? $"Rule \\'{rule}\\' holds this SALE" : "")}}'
        """);

    private static string Time(DateTimeOffset time) => $"toDateTime64('{time.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff}', 3, 'UTC')";
}
