using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Compares all that a run has left behind with what the load must lead to.</summary>
internal static class FinalState
{
    /// <summary>Positions, ledger, raw events and dead letters, each against the independent count and the log itself.</summary>
    /// <param name="servers">The servers of the run.</param>
    /// <param name="expected">The independent count.</param>
    /// <param name="deadLettersOnce">Whether each dead letter stands in its topic exactly once; after a crash it may stand there again.</param>
    public static async Task CheckAsync(PipelineServers servers, IndependentResult expected, bool deadLettersOnce = false)
    {
        var log = servers.ReadAll(PipelineServers.Topic, PipelineServers.Partitions);
        Assert.Equal(expected.Produced, log.Count);
        await CheckPositionsAsync(servers, expected);
        await CheckLedgerAsync(servers, expected);
        var dead = CheckDeadLetters(servers, expected, log, deadLettersOnce);
        await CheckRawEventsAsync(servers, expected, log, dead);
    }

    public static async Task CheckPositionsAsync(PipelineServers servers, IndependentResult expected)
    {
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        var found = new Dictionary<PositionKey, CountedPosition>();
        await foreach (var (sku, location, state) in store.ScanAsync(default))
        {
            found.Add(new PositionKey(sku, location),
                new CountedPosition(state.OnHand, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut));
        }

        var different = expected.Positions.Where(p => !found.TryGetValue(p.Key, out var position) || position != p.Value)
            .Select(p => $"{p.Key}: expected {p.Value}, found {(found.TryGetValue(p.Key, out var position) ? position : null)}").ToArray();
        Assert.True(different.Length == 0, $"{different.Length} of {expected.Positions.Count} positions differ:\n{string.Join('\n', different.Take(10))}");
        Assert.Equal(expected.Positions.Count, found.Count);
        // A load without them would prove nothing about them.
        Assert.Contains(found.Values, position => position.OnHand < 0);
    }

    public static async Task CheckLedgerAsync(PipelineServers servers, IndependentResult expected)
    {
        using var clickHouse = servers.ClickHouseClient();
        Assert.Equal(expected.Accepted, await clickHouse.QueryScalarAsync<long>("SELECT count() FROM ledger_current"));
        Assert.Equal(expected.Accepted, await clickHouse.QueryScalarAsync<long>("SELECT uniqExact(event_id) FROM ledger_current"));
        var units = new SortedDictionary<MovementType, long>();
        await foreach (var row in clickHouse.QueryAsync("SELECT movement_type, sum(qty_delta) AS units FROM ledger_current GROUP BY movement_type HAVING units != 0"))
        {
            Assert.True(MovementTypes.TryParse(row.Get<string>(0)!, out var type));
            units.Add(type, row.Get<long>(1));
        }

        Assert.Equal(expected.UnitsByType, units);
    }

    private static HashSet<(int, long)> CheckDeadLetters(
        PipelineServers servers, IndependentResult expected, IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> log, bool once)
    {
        var originals = log.ToDictionary(r => (r.Partition.Value, r.Offset.Value));
        var reasons = new Dictionary<(int, long), string>();
        var letters = servers.ReadAll(PipelineServers.DeadLetterTopic, 2);
        foreach (var letter in letters)
        {
            var place = (int.Parse(Header(letter, "dlq.partition"), CultureInfo.InvariantCulture), long.Parse(Header(letter, "dlq.offset"), CultureInfo.InvariantCulture));
            CheckSame(originals[place], letter);
            reasons[place] = Header(letter, "dlq.reason");
        }

        var counts = reasons.Values.GroupBy(reason => reason).ToDictionary(group => group.Key, group => group.LongCount());
        Assert.Equal(expected.DeadLetters.ToDictionary(reason => reason.Key.Code(), reason => reason.Value), counts);
        if (once)
        {
            Assert.Equal(expected.DeadLetterCount, letters.Count);
        }

        return [.. reasons.Keys];
    }

    private static void CheckSame(ConsumeResult<byte[]?, byte[]?> original, ConsumeResult<byte[]?, byte[]?> letter)
    {
        Assert.Equal(original.Message.Key, letter.Message.Key);
        Assert.Equal(original.Message.Value, letter.Message.Value);
        Assert.Equal(original.Message.Timestamp, letter.Message.Timestamp);
        var headers = letter.Message.Headers.Select(header => (header.Key, Text(header.GetValueBytes()))).ToArray();
        var kept = original.Message.Headers?.Select(header => (header.Key, Text(header.GetValueBytes()))).ToArray() ?? [];
        Assert.Equal(kept, headers[..kept.Length]);
        Assert.All(headers[kept.Length..], header => Assert.StartsWith("dlq.", header.Key, StringComparison.Ordinal));
        Assert.Equal(original.Topic, Header(letter, "dlq.topic"));
        Assert.Contains(Header(letter, "dlq.stage"), new[] { "decode", "validate" });
        Assert.NotEmpty(Header(letter, "dlq.message"));
        Assert.True(DateTimeOffset.TryParse(Header(letter, "dlq.failed-at"), CultureInfo.InvariantCulture, out _));
    }

    // Every record of the log, byte for byte, with the verdict that the log's order gives it.
    private static async Task CheckRawEventsAsync(
        PipelineServers servers, IndependentResult expected, IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> log, HashSet<(int, long)> dead)
    {
        using var clickHouse = servers.ClickHouseClient();
        var rows = new Dictionary<(int, long), (string Value, string Key, string Verdict)>();
        await foreach (var row in clickHouse.QueryAsync("SELECT partition, offset, hex(MD5(value)), hex(MD5(key)), toString(verdict) FROM raw_events_current"))
        {
            rows.Add((row.Get<int>(0), row.Get<long>(1)), (row.Get<string>(2)!, row.Get<string>(3)!, row.Get<string>(4)!));
        }

        var seen = new HashSet<string>();
        var verdicts = new Dictionary<string, long>();
        foreach (var record in log)
        {
            var place = (record.Partition.Value, record.Offset.Value);
            var value = Hash(record.Message.Value);
            var verdict = dead.Contains(place) ? "dead_letter" : seen.Add(value) ? "accepted" : "duplicate";
            verdicts[verdict] = verdicts.GetValueOrDefault(verdict) + 1;
            Assert.True(rows.TryGetValue(place, out var row), $"Record {place} is not in raw_events.");
            Assert.Equal((value, Hash(record.Message.Key), verdict), row);
        }

        Assert.Equal(log.Count, rows.Count);
        Assert.Equal((expected.Accepted, expected.Duplicates, expected.DeadLetterCount),
            (verdicts["accepted"], verdicts["duplicate"], verdicts["dead_letter"]));
        var elsewhere = await clickHouse.QueryScalarAsync<long>(
            "SELECT count() FROM ledger_current WHERE (topic, partition, offset) NOT IN (SELECT topic, partition, offset FROM raw_events_current WHERE verdict = 'accepted')");
        Assert.Equal(0, elsewhere);
    }

    private static string Header(ConsumeResult<byte[]?, byte[]?> record, string name) => Text(record.Message.Headers.GetLastBytes(name))!;

    private static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);

#pragma warning disable CA5351 // A fingerprint that ClickHouse has too, not a secret.
    private static string Hash(byte[]? bytes) => Convert.ToHexString(MD5.HashData(bytes ?? []));
#pragma warning restore CA5351
}
