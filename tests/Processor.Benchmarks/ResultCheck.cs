using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Serve;

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
    public static async Task VerifyAsync(Servers servers, string name, IndependentResult expected, StatusPayload last, CancellationToken token)
    {
        var totals = last.Totals;
        WrongResultException.ThrowUnlessEqual("accepted events", expected.Accepted, totals.Accepted);
        WrongResultException.ThrowUnlessEqual("duplicates", expected.Duplicates, totals.Duplicates);
        WrongResultException.ThrowUnlessEqual("dead letters", expected.DeadLetterCount, totals.DeadLetters);
        foreach (var (reason, count) in expected.DeadLetters)
        {
            WrongResultException.ThrowUnlessEqual($"dead letters, {reason.Code()}", count, last.DeadLetterReasons.GetValueOrDefault(reason.Code()));
        }

        using var clickHouse = servers.OpenClickHouse(name);
        WrongResultException.ThrowUnlessEqual("rows of raw_events_current", expected.Produced, await clickHouse.QueryScalarAsync<long>("SELECT count() FROM raw_events_current", token: token));
        WrongResultException.ThrowUnlessEqual("rows of ledger_current", expected.Accepted, await clickHouse.QueryScalarAsync<long>("SELECT count() FROM ledger_current", token: token));

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
