using System.Text.Json.Serialization;

namespace Stockflow.Serve;

/// <summary>A dead letter. Times in UTC. The parts from ValueBase64 on only where one letter is asked for.</summary>
public sealed record DeadLetterPayload(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("failed_at")] DateTime FailedAt,
    [property: JsonPropertyName("reason")] string Reason,
    [property: JsonPropertyName("stage")] string Stage,
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("source")] string Source,
    [property: JsonPropertyName("key")] string? Key,
    [property: JsonPropertyName("value_bytes")] int ValueBytes,
    [property: JsonPropertyName("obstacle")] string? Obstacle,
    [property: JsonPropertyName("replay")] DeadLetterReplayPayload? Replay)
{
    [JsonPropertyName("value_base64")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ValueBase64 { get; init; }

    [JsonPropertyName("headers")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<DeadLetterHeaderPayload>? Headers { get; init; }

    [JsonPropertyName("decoded")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Decoded { get; init; }

    public static DeadLetterPayload Of(DeadLetterSummary letter) => new(
        FormattableString.Invariant($"{letter.Partition}:{letter.Offset}"), letter.FailedAt, letter.Reason, letter.Stage, letter.Message, letter.Source,
        letter.Key, letter.ValueBytes, letter.Obstacle,
        letter.Replay is { } replay ? new DeadLetterReplayPayload(replay.At, replay.By, replay.Key, replay.IsSent ? "sent" : "sending") : null);

    public static DeadLetterPayload Of(DeadLetterDetail letter) => Of(letter.Summary) with
    {
        ValueBase64 = letter.Value is null ? null : Convert.ToBase64String(letter.Value),
        Headers = [.. letter.Headers.Select(header => new DeadLetterHeaderPayload(header.Key, header.Value))],
        Decoded = letter.Decoded,
    };
}

/// <summary>When a letter was sent again, who asked for it under which idempotency key, and whether the broker has acknowledged it.</summary>
public sealed record DeadLetterReplayPayload(
    [property: JsonPropertyName("at")] DateTime At,
    [property: JsonPropertyName("by")] string By,
    [property: JsonPropertyName("idempotency_key")] string IdempotencyKey,
    [property: JsonPropertyName("state")] string State);

/// <summary>One header as text.</summary>
public sealed record DeadLetterHeaderPayload([property: JsonPropertyName("name")] string Name, [property: JsonPropertyName("value")] string? Value);

/// <summary>A page, the latest letters first. Next is the cursor of the following page, null on the last one.</summary>
public sealed record DeadLettersPayload(
    [property: JsonPropertyName("dead_letters")] IReadOnlyList<DeadLetterPayload> DeadLetters,
    [property: JsonPropertyName("next")] string? Next);
