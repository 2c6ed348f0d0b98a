using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Confluent.Kafka;
using Stockflow.Chaos.Load;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Verify;

/// <summary>Reads topics from their beginning with a consumer of the harness's own.</summary>
internal static class TopicReader
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>All records, partition by partition in the order of the offsets.</summary>
    /// <exception cref="InvalidOperationException">The listener has dropped records.</exception>
    public static List<ConsumeResult<byte[]?, byte[]?>> ReadAll(string bootstrap, string topic, int partitions)
    {
        var config = new ConsumerConfig { BootstrapServers = bootstrap, GroupId = "chaos-verifier", EnableAutoCommit = false, EnablePartitionEof = true };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var records = new List<ConsumeResult<byte[]?, byte[]?>>();
        using var bound = new CancellationTokenSource(Patience);
        var places = Enumerable.Range(0, partitions).Select(partition => new TopicPartition(topic, partition)).ToList();
        var ends = places.ConvertAll(place => consumer.QueryWatermarkOffsets(place, Patience));
        consumer.Assign(places.Select(place => new TopicPartitionOffset(place, 0)));
        var next = new long[partitions];
        for (var left = ends.Sum(end => end.High.Value); left > 0;)
        {
            var result = consumer.Consume(bound.Token);
            var partition = result.Partition.Value;
            if (result.IsPartitionEOF || result.Offset.Value >= ends[partition].High.Value)
            {
                continue;
            }

            if (ends[partition].Low != 0 || result.Offset.Value != next[partition])
            {
                throw new InvalidOperationException(
                    $"{topic}, partition {partition}: the listener has dropped records (it begins at {ends[partition].Low}, offset {result.Offset.Value} came where {next[partition]} was expected). Use more partitions or fewer events.");
            }

            records.Add(result);
            next[partition]++;
            left--;
        }

        consumer.Close();
        return [.. records.OrderBy(r => r.Partition.Value).ThenBy(r => r.Offset.Value)];
    }

    /// <summary>The log of the movements, each record with its fact. Records without a delivery report are copies that a retry left there.</summary>
    /// <exception cref="InvalidOperationException">The log is not what was sent: the run proves nothing.</exception>
    public static List<LogRecord> ReadLog(KafkaServer kafka, LoadSender sender)
    {
        var byContent = new Dictionary<UInt128, Fact>();
        foreach (var fact in sender.Facts)
        {
            byContent[Content(fact.Key, fact.Value, fact.Trace)] = fact;
        }

        var log = new List<LogRecord>();
        var found = new HashSet<Fact>(ReferenceEqualityComparer.Instance);
        foreach (var record in ReadAll(kafka.Bootstrap, KafkaServer.Movements, kafka.Partitions))
        {
            var content = Content(record.Message.Key, record.Message.Value, Trace(record));
            if (!byContent.TryGetValue(content, out var fact))
            {
                throw new InvalidOperationException($"The log holds a record that was not sent: {record.TopicPartitionOffset}.");
            }

            if (sender.Delivered.TryGetValue((record.Partition.Value, record.Offset.Value), out var reported))
            {
                if (Content(reported.Key, reported.Value, reported.Trace) != content)
                {
                    throw new InvalidOperationException($"The log holds another record than the broker reported at {record.TopicPartitionOffset}.");
                }

                fact = reported;
            }

            found.Add(fact);
            log.Add(new LogRecord(record.Partition.Value, record.Offset.Value, fact));
        }

        var missing = sender.Delivered.Values.Count(fact => !found.Contains(fact));
        return missing == 0 ? log : throw new InvalidOperationException($"{missing} messages that the broker acknowledged are not in its log.");
    }

    public static string? Trace(ConsumeResult<byte[]?, byte[]?> record) =>
        record.Message.Headers is { } headers && headers.TryGetLastBytes(LoadSender.TraceHeader, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;

    // A hash of the whole message: a long run has millions of them.
    private static UInt128 Content(byte[]? key, byte[]? value, string? trace)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in new[] { key, value, trace is null ? null : Encoding.UTF8.GetBytes(trace) })
        {
            hash.AppendData(BitConverter.GetBytes(part?.Length ?? -1));
            hash.AppendData(part ?? []);
        }

        return BinaryPrimitives.ReadUInt128LittleEndian(hash.GetHashAndReset());
    }
}
