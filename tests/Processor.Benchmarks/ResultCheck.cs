using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>Compares what a processor arrived at with the independent count.</summary>
internal static class ResultCheck
{
    /// <summary>The listener drops the oldest records of a partition that outgrows its memory: every log must still be whole.</summary>
    /// <exception cref="WrongResultException">One is not.</exception>
    public static void ThrowIfRecordsAreGone(Servers servers, LoadProducer producer)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = servers.Bootstrap, GroupId = "check" }).Build();
        for (var partition = 0; partition < producer.Partitions; partition++)
        {
            var log = consumer.QueryWatermarkOffsets(new TopicPartition(Servers.Topic, partition), TimeSpan.FromSeconds(30));
            if (log.Low.Value != 0 || log.High.Value != producer.SentTo(partition))
            {
                throw new WrongResultException($"the listener holds offsets {log.Low} to {log.High} of partition {partition}, but {producer.SentTo(partition):N0} events were sent to it; use more --partitions.");
            }
        }
    }

    /// <summary>Counts, rows of the history and every position.</summary>
    /// <exception cref="WrongResultException">Something differs.</exception>
    public static async Task VerifyAsync(Servers servers, string name, IndependentResult expected, CancellationToken token)
    {
        await VerifyHistoryAsync(servers, name, expected, token);
        await VerifyPositionsAsync(servers, name, expected, token);
    }

    /// <summary>Counts and rows of the history.</summary>
    /// <exception cref="WrongResultException">Something differs.</exception>
    public static async Task VerifyHistoryAsync(Servers servers, string name, IndependentResult expected, CancellationToken token)
    {
        // Not from the process's counters: a lane that changed hands has begun its own anew.
        using var clickHouse = servers.OpenClickHouse(name);
        var reasons = new Dictionary<string, long>(StringComparer.Ordinal);
        var verdicts = new Dictionary<string, long>(StringComparer.Ordinal);
        await foreach (var row in clickHouse.QueryAsync("SELECT toString(verdict), reason, count() FROM raw_events_current GROUP BY verdict, reason", token: token))
        {
            verdicts[row.Get<string>(0)!] = verdicts.GetValueOrDefault(row.Get<string>(0)!) + row.Get<long>(2);
            reasons[row.Get<string>(1)!] = row.Get<long>(2);
        }

        WrongResultException.ThrowUnlessEqual("accepted events", expected.Accepted, verdicts.GetValueOrDefault("accepted"));
        WrongResultException.ThrowUnlessEqual("duplicates", expected.Duplicates, verdicts.GetValueOrDefault("duplicate"));
        WrongResultException.ThrowUnlessEqual("dead letters", expected.DeadLetterCount, verdicts.GetValueOrDefault("dead_letter"));
        foreach (var (reason, count) in expected.DeadLetters)
        {
            WrongResultException.ThrowUnlessEqual($"dead letters, {reason.Code()}", count, reasons.GetValueOrDefault(reason.Code()));
        }

        WrongResultException.ThrowUnlessEqual("rows of raw_events_current", expected.Produced, verdicts.Values.Sum());
        WrongResultException.ThrowUnlessEqual("rows of ledger_current", expected.Accepted, await clickHouse.QueryScalarAsync<long>("SELECT count() FROM ledger_current", token: token));
    }

    /// <summary>A number that stands for every column of every row but those that say when the listener and the history got it.</summary>
    public static async Task<string> FingerprintAsync(Servers servers, string name, CancellationToken token)
    {
        using var clickHouse = servers.OpenClickHouse(name);

        // Each says in its own words why it refuses a record.
        return string.Join(", ", await HashAsync("raw_events", ", message"), await HashAsync("ledger", ""));

        async Task<string> HashAsync(string table, string own) => $"{table} " + await clickHouse.QueryScalarAsync<string>(
            $"SELECT toString(sum(cityHash64(* EXCEPT (broker_ts, recorded_at{own})))) FROM {table}_current", token: token);
    }

    private static async Task VerifyPositionsAsync(Servers servers, string name, IndependentResult expected, CancellationToken token)
    {
        await using var store = new RedisPositionStore(new PositionOptions { Connection = servers.Redis.Endpoint, KeyPrefix = name }, TimeProvider.System);
        var (found, wrong, firstWrong) = (0, 0, "");
        await foreach (var position in store.ScanAsync(token))
        {
            found++;
            var state = position.State;
            var actual = new CountedPosition(state.OnHand, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut);
            if (!expected.Positions.TryGetValue(new PositionKey(position.SkuId, position.LocationId), out var counted) || counted != actual)
            {
                wrong++;
                firstWrong = firstWrong.Length > 0 ? firstWrong : $"{position.SkuId} {position.LocationId} is {actual}, but the independent count says {counted}";
            }
        }

        if (wrong > 0)
        {
            throw new WrongResultException($"{wrong:N0} of {found:N0} positions are wrong; the first: {firstWrong}.");
        }

        WrongResultException.ThrowUnlessEqual("positions in Redis", expected.Positions.Count, found);
    }
}
