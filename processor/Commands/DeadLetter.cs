using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>One record of the dead-letter topic: the original record, and what its <c>dlq.*</c> headers say.</summary>
internal sealed class DeadLetter
{
    /// <summary>Headers that the processor added begin with this; the rest are the original ones.</summary>
    public const string Prefix = "dlq.";

    private readonly Headers headers;

    public DeadLetter(ConsumeResult<byte[]?, byte[]?> record)
    {
        (Partition, Offset, headers) = (record.Partition.Value, record.Offset.Value, record.Message.Headers ?? []);
        (Key, Value) = (record.Message.Key, record.Message.Value);
        Timestamp = record.Message.Timestamp.UtcDateTime;
        FailedAt = DateTimeOffset.TryParse(Text("failed-at"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var failed)
            ? failed.UtcDateTime
            : Timestamp;
    }

    /// <summary>Name in the terminal: partition:offset of the dead-letter topic.</summary>
    public string Id => string.Create(CultureInfo.InvariantCulture, $"{Partition}:{Offset}");

    public int Partition { get; }

    public long Offset { get; }

    /// <summary>UTC.</summary>
    public DateTime Timestamp { get; }

    /// <summary>UTC.</summary>
    public DateTime FailedAt { get; }

    public byte[]? Key { get; }

    public byte[]? Value { get; }

    public string Reason => Text("reason") ?? "";

    public string Stage => Text("stage") ?? "";

    public string Message => Text("message") ?? "";

    public string? SourceTopic => Text("topic");

    public string Source => $"{SourceTopic ?? "?"}/{Text("partition") ?? "?"}/{Text("offset") ?? "?"}";

    /// <summary>Every header, the processor's too; a name may stand twice.</summary>
    public IEnumerable<(string Name, byte[]? Value)> AllHeaders => headers.Select(header => (header.Key, (byte[]?)header.GetValueBytes()));

    /// <summary>Why it can not be sent to its topic again, or null.</summary>
    public string? Obstacle(string deadLetterTopic) =>
        string.IsNullOrEmpty(SourceTopic) ? "it has no header dlq.topic"
        : SourceTopic == deadLetterTopic ? "its topic is the dead-letter topic itself"
        : Reason == RejectReason.Quarantined.Code() ? "a quality rule holds it, and would hold it again; 'processor quality release' lets it pass"
        : Text("truncated-from") is { } length ? $"its value was cut (it had {length} bytes)"
        : null;

    /// <summary>The original key, value and headers. The time is that of the sending, so that retention by time does not drop it at once.</summary>
    public Message<byte[]?, byte[]?> Original()
    {
        var original = new Headers();
        foreach (var (name, value) in AllHeaders)
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            {
                original.Add(name, value);
            }
        }

        return new Message<byte[]?, byte[]?> { Key = Key, Value = Value, Headers = original };
    }

    /// <summary>Text of a <c>dlq.*</c> header. The last one counts: the processor adds its own after those of an earlier failure.</summary>
    private string? Text(string name) =>
        headers.TryGetLastBytes(Prefix + name, out var bytes) && bytes is not null ? Encoding.UTF8.GetString(bytes) : null;
}
