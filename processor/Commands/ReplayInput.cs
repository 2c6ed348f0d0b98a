using System.Runtime.CompilerServices;
using Confluent.Kafka;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Source;

namespace Stockflow.Commands;

/// <summary>Records of the past, as they first came.</summary>
internal interface IReplayInput
{
    /// <summary>First offset that is still there.</summary>
    Task<long> FirstAsync(int partition, CancellationToken token);

    /// <summary>The first offset whose record is not older than a time; the end where all are older.</summary>
    Task<long> OffsetAtAsync(int partition, DateTimeOffset time, long end, CancellationToken token);

    /// <summary>The range's records in batches that <paramref name="rent"/> gives.</summary>
    IAsyncEnumerable<RecordBatch> ReadAsync(OffsetRange range, Func<RecordBatch> rent, CancellationToken token);
}

/// <summary>From the topic, without a group.</summary>
internal sealed class KafkaReplayInput(KafkaOptions options) : IReplayInput
{
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(15);

    public Task<long> FirstAsync(int partition, CancellationToken token) =>
        AskAsync(consumer => consumer.QueryWatermarkOffsets(Place(partition), ServerTimeout).Low.Value);

    public Task<long> OffsetAtAsync(int partition, DateTimeOffset time, long end, CancellationToken token) => AskAsync(consumer =>
    {
        var at = consumer.OffsetsForTimes([new TopicPartitionTimestamp(Place(partition), new Timestamp(time.UtcDateTime))], ServerTimeout)[0].Offset;
        return at.IsSpecial ? end : at.Value;
    });

    public async IAsyncEnumerable<RecordBatch> ReadAsync(OffsetRange range, Func<RecordBatch> rent, [EnumeratorCancellation] CancellationToken token)
    {
        using var consumer = Build();
        consumer.Assign(new TopicPartitionOffset(Place(range.Partition), range.From));
        var next = range.From;
        while (next < range.To)
        {
            // Polling blocks; the lane's blocks must not wait for its thread.
            var (batch, hasEnded) = await OwnThreads.RunAsync(() => Fill(consumer, rent(), next, range.To, token));
            next = hasEnded ? range.To : batch.NextOffset;
            if (batch.Count > 0)
            {
                yield return batch;
            }
        }
    }

    private (RecordBatch Batch, bool HasEnded) Fill(IConsumer<byte[], byte[]> consumer, RecordBatch batch, long from, long to, CancellationToken token)
    {
        batch.FromOffset = batch.NextOffset = from;
        try
        {
            while (!batch.IsFull && batch.NextOffset < to)
            {
                var result = consumer.Consume(token);
                if (result.IsPartitionEOF || result.Offset.Value >= to)
                {
                    // What lies between are no records but marks of transactions.
                    return (batch, true);
                }

                batch.Add(result);
            }

            return (batch, false);
        }
        catch (ConsumeException e) when (e.Error.Code is ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange)
        {
            throw KafkaSource.RecordsGone(options.Topic, e.Error.Reason);
        }
        catch (KafkaException e)
        {
            throw new StoreUnavailableException($"Kafka: {e.Error.Reason}", e);
        }
    }

    private Task<long> AskAsync(Func<IConsumer<byte[], byte[]>, long> ask) => OwnThreads.RunAsync(() =>
    {
        using var consumer = Build();
        try
        {
            return ask(consumer);
        }
        catch (KafkaException e)
        {
            throw new StoreUnavailableException($"No broker answers at {options.BootstrapServers} ({e.Error.Reason}).", e);
        }
    });

    private TopicPartition Place(int partition) => new(options.Topic, partition);

    private IConsumer<byte[], byte[]> Build() => new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig(options.ConsumerProperties())
    {
        GroupId = options.GroupId + "-replay",
        EnableAutoCommit = false,
        EnablePartitionEof = true,
        AutoOffsetReset = AutoOffsetReset.Error,
        AllowAutoCreateTopics = false,
    }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
}

/// <summary>From table <c>raw_events</c>, which keeps records longer than the topic does.</summary>
internal sealed class RawEventsReplayInput(IClickHouse clickHouse, string topic) : IReplayInput
{
    /// <summary>Offsets that one query is asked for.</summary>
    private const int Stretch = 20_000;

    private const string Sql = """
        SELECT offset, toUnixTimestamp64Milli(broker_ts), base64Encode(key), base64Encode(value), headers.name, arrayMap(v -> base64Encode(v), headers.value)
        FROM raw_events_current
        WHERE topic = {topic:String} AND partition = {partition:Int32} AND offset >= {from:Int64} AND offset < {to:Int64}
        ORDER BY offset
        """;

    public Task<long> FirstAsync(int partition, CancellationToken token) =>
        clickHouse.QueryScalarAsync<long>("SELECT min(offset) FROM raw_events WHERE topic = {topic:String} AND partition = {partition:Int32}", Parameters(partition), token);

    public Task<long> OffsetAtAsync(int partition, DateTimeOffset time, long end, CancellationToken token)
    {
        var parameters = Parameters(partition);
        parameters.Add("time", time.ToUnixTimeMilliseconds());
        parameters.Add("end", end);
        return clickHouse.QueryScalarAsync<long>("""
            SELECT if(count() = 0, {end:Int64}, min(offset)) FROM raw_events
            WHERE topic = {topic:String} AND partition = {partition:Int32} AND broker_ts >= fromUnixTimestamp64Milli({time:Int64}, 'UTC')
            """, parameters, token);
    }

    public async IAsyncEnumerable<RecordBatch> ReadAsync(OffsetRange range, Func<RecordBatch> rent, [EnumeratorCancellation] CancellationToken token)
    {
        RecordBatch? batch = null;
        var next = range.From;
        for (var start = range.From; start < range.To; start += Stretch)
        {
            var parameters = Parameters(range.Partition);
            parameters.Add("from", start);
            parameters.Add("to", Math.Min(range.To, start + Stretch));
            await foreach (var row in clickHouse.QueryAsync(Sql, parameters, token))
            {
                batch ??= Begin(rent(), next);
                Add(batch, row);
                next = batch.NextOffset;
                if (batch.IsFull)
                {
                    yield return batch;
                    batch = null;
                }
            }
        }

        if (batch is not null)
        {
            yield return batch;
        }
    }

    private static RecordBatch Begin(RecordBatch batch, long from)
    {
        batch.FromOffset = from;
        return batch;
    }

    private static void Add(RecordBatch batch, in ClickHouseRow row)
    {
        var key = row.Values[2].GetBytesFromBase64();
        var value = row.Values[3].GetBytesFromBase64();
        var names = row.Values[4];
        var headers = new KeyValuePair<string, byte[]?>[names.GetArrayLength()];
        for (var i = 0; i < headers.Length; i++)
        {
            headers[i] = new(names[i].GetString()!, row.Values[5][i].GetBytesFromBase64());
        }

        // The table does not tell a null key or value from an empty one; neither makes a movement.
        batch.Add(row.Get<long>(0), row.Get<long>(1), key, key.Length > 0, value, value.Length > 0, headers);
    }

    private Dictionary<string, object?> Parameters(int partition) => new() { ["topic"] = topic, ["partition"] = partition };
}
