using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Stockflow.Chaos.Load;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Verify;

/// <summary>
/// Compares the dead-letter topic: every broken record at least once, with its own key, value, header and reason, and nothing else.
/// Further copies of the same record are counted apart: a crash between the broker's acknowledgement and the commit may leave one.
/// </summary>
internal static class DeadLetterCheck
{
    public static Finding Run(KafkaServer kafka, Expectation expected)
    {
        var finding = new Finding("dead letters") { Expected = expected.DeadLetters };
        var found = new HashSet<(int, long)>();
        foreach (var letter in TopicReader.ReadAll(kafka.Bootstrap, KafkaServer.DeadLetters, KafkaServer.DeadLetterPartitions))
        {
            var place = (Partition: (int)Number(letter, "dlq.partition"), Offset: Number(letter, "dlq.offset"));
            var show = $"partition {place.Partition} offset {place.Offset}";
            if (!expected.Records.TryGetValue(place, out var record) || record.Fate != Fate.dead_letter)
            {
                finding.AddWrong($"{show} is no broken record ({Text(letter, "dlq.reason")}: {Text(letter, "dlq.message")})");
            }
            else if (Problem(letter, record.Fact) is { } problem)
            {
                finding.AddWrong($"{show}: {problem}");
            }
            else if (!found.Add(place))
            {
                finding.Repeated++;
            }
        }

        foreach (var (place, record) in expected.Records)
        {
            if (record.Fate == Fate.dead_letter && !found.Contains(place))
            {
                finding.AddLost($"partition {place.Partition} offset {place.Offset} ({record.Fact.Reject})");
            }
        }

        return finding;
    }

    /// <summary>Adds a dead letter of a record that is not broken.</summary>
    public static async Task TamperAsync(KafkaServer kafka, Expectation expected)
    {
        var (place, record) = expected.Records.First(r => r.Value.Fate == Fate.accepted);
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = kafka.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        var headers = new Headers
        {
            { "dlq.topic", FactEncoder.Bytes(KafkaServer.Movements) },
            { "dlq.partition", FactEncoder.Bytes(place.Partition.ToString(CultureInfo.InvariantCulture)) },
            { "dlq.offset", FactEncoder.Bytes(place.Offset.ToString(CultureInfo.InvariantCulture)) },
            { "dlq.reason", FactEncoder.Bytes("bad_id") },
        };
        await producer.ProduceAsync(KafkaServer.DeadLetters, new Message<byte[]?, byte[]?> { Key = record.Fact.Key, Value = record.Fact.Value, Headers = headers });
    }

    private static string? Problem(ConsumeResult<byte[]?, byte[]?> letter, Fact fact)
    {
        if (Text(letter, "dlq.reason") != fact.Reject)
        {
            return $"reason {Text(letter, "dlq.reason")} ({Text(letter, "dlq.message")}), expected {fact.Reject}";
        }

        if (!Same(letter.Message.Key, fact.Key) || !Same(letter.Message.Value, fact.Value))
        {
            return "its key or value is not the original one";
        }

        return TopicReader.Trace(letter) != fact.Trace ? "its header is not the original one"
            : Text(letter, "dlq.topic") != KafkaServer.Movements ? $"dlq.topic is {Text(letter, "dlq.topic")}" : null;
    }

    private static bool Same(byte[]? left, byte[]? right) => left is null || right is null ? left == right : left.AsSpan().SequenceEqual(right);

    private static long Number(ConsumeResult<byte[]?, byte[]?> letter, string name) =>
        long.TryParse(Text(letter, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : -1;

    private static string Text(ConsumeResult<byte[]?, byte[]?> letter, string name) =>
        letter.Message.Headers is { } headers && headers.TryGetLastBytes(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : "";
}
