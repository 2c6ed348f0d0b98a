using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>
/// Sends rejected records to the dead-letter topic with their original key, value, headers and timestamp, and says why in
/// <c>dlq.*</c> headers. A batch goes on only when the broker has acknowledged all of its dead letters.
/// </summary>
public sealed class DeadLetterWriter : IDisposable
{
    private readonly IProducer<byte[]?, byte[]?> producer;
    private readonly string topic;
    private readonly ProcessorStatus status;
    private readonly TimeProvider time;
    private readonly ILogger logger;

    public DeadLetterWriter(IReadOnlyDictionary<string, string> clientProperties, string topic, ProcessorStatus status, TimeProvider time, ILogger logger)
    {
        this.topic = topic;
        this.status = status;
        this.time = time;
        this.logger = logger;
        var config = new ProducerConfig(new Dictionary<string, string>(clientProperties))
        {
            Acks = Acks.All,
            EnableIdempotence = true,
            LingerMs = 5,
            MessageMaxBytes = 64 * 1024 * 1024,
        };
        producer = new ProducerBuilder<byte[]?, byte[]?>(config)
            .SetErrorHandler((_, e) => logger.KafkaError(e.Reason))
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .Build();
    }

    /// <summary>Sends the batch's dead letters; those that were judged before were acknowledged when they were first read.</summary>
    public async ValueTask WriteAsync(RecordBatch batch, CancellationToken token)
    {
        if (batch.Rejections.Count == 0)
        {
            return;
        }

        var sends = new List<Task>(batch.Rejections.Count);
        foreach (var rejection in batch.Rejections)
        {
            if (batch.Verdicts[rejection.Index] == Verdict.DeadLetter && batch.Records[rejection.Index].Offset >= batch.JudgedOffset)
            {
                sends.Add(WriteAsync(Record(batch, rejection.Index), rejection, token));
            }
        }

        await Task.WhenAll(sends);
    }

    /// <summary>Sends one record and ends when the broker has acknowledged it.</summary>
    public async Task WriteAsync(SourceRecord record, Rejection rejection, CancellationToken token)
    {
        var message = Message(record, rejection);
        for (var wait = TimeSpan.FromMilliseconds(100); ; wait = TimeSpan.FromMilliseconds(Math.Min(10_000, wait.TotalMilliseconds * 2)))
        {
            try
            {
                await producer.ProduceAsync(topic, message, token);
                status.DeadLetterReasons.AddOrUpdate(rejection.Reason, 1, static (_, n) => n + 1);
                return;
            }
            catch (ProduceException<byte[]?, byte[]?> e) when (e.Error.Code == ErrorCode.MsgSizeTooLarge && message.Value is { Length: > 0 } value)
            {
                // The broker takes no message this large. Bronze keeps the whole value; the dead letter keeps its start and says so.
                message.Headers.Add("dlq.truncated-from", Encoding.UTF8.GetBytes(value.Length.ToString(CultureInfo.InvariantCulture)));
                message.Value = value[..(value.Length / 2)];
            }
            catch (KafkaException e)
            {
                logger.DeadLettersWait(record.Partition, record.Topic, e.Error.Reason);
                await Task.Delay(wait, time, token);
            }
        }
    }

    public void Dispose()
    {
        producer.Flush(TimeSpan.FromSeconds(5));
        producer.Dispose();
    }

    private Message<byte[]?, byte[]?> Message(SourceRecord record, Rejection rejection)
    {
        var headers = new Headers();
        foreach (var (name, value) in record.Headers)
        {
            headers.Add(name, value);
        }

        Add("dlq.topic", record.Topic);
        Add("dlq.partition", record.Partition.ToString(CultureInfo.InvariantCulture));
        Add("dlq.offset", record.Offset.ToString(CultureInfo.InvariantCulture));
        Add("dlq.stage", rejection.Stage);
        Add("dlq.reason", rejection.Reason.Code());
        Add("dlq.message", rejection.Message);
        Add("dlq.failed-at", time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture));
        if (rejection.SchemaId >= 0)
        {
            Add("dlq.schema-id", rejection.SchemaId.ToString(CultureInfo.InvariantCulture));
        }

        return new Message<byte[]?, byte[]?>
        {
            Key = record.Key,
            Value = record.Value,
            Headers = headers,
            Timestamp = record.BrokerTs > 0 ? new Timestamp(record.BrokerTs, TimestampType.CreateTime) : Timestamp.Default,
        };

        void Add(string name, string value) => headers.Add(name, Encoding.UTF8.GetBytes(value));
    }

    private static SourceRecord Record(RecordBatch batch, int index)
    {
        ref var record = ref batch.Records[index];
        return new SourceRecord(batch.Lane.Topic, batch.Lane.Partition, record.Offset,
            record.Key.IsPresent ? batch.Bytes(record.Key).ToArray() : null, record.Value.IsPresent ? batch.Bytes(record.Value).ToArray() : null,
            record.Headers >= 0 ? batch.Headers[record.Headers] : [], record.BrokerTs);
    }
}
