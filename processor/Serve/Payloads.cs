using System.Text.Json.Serialization;
using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>A position as the API tells it. Quantities in units; times in UTC, null where nothing has happened.</summary>
public sealed record PositionPayload
{
    [JsonPropertyName("sku_id")]
    public required string SkuId { get; init; }

    [JsonPropertyName("location_id")]
    public required string LocationId { get; init; }

    [JsonPropertyName("on_hand")]
    public long OnHand { get; init; }

    [JsonPropertyName("unsellable")]
    public long Unsellable { get; init; }

    [JsonPropertyName("reserved")]
    public long Reserved { get; init; }

    [JsonPropertyName("in_transit_in")]
    public long InTransitIn { get; init; }

    [JsonPropertyName("in_transit_out")]
    public long InTransitOut { get; init; }

    [JsonPropertyName("available")]
    public long Available { get; init; }

    [JsonPropertyName("last_event_ts")]
    public DateTime? LastEventTs { get; init; }

    [JsonPropertyName("last_count_ts")]
    public DateTime? LastCountTs { get; init; }

    [JsonPropertyName("version")]
    public long Version { get; init; }

    /// <summary>Event time as of which it is; null for the live position, which has no end.</summary>
    [JsonPropertyName("at")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTime? At { get; init; }

    /// <summary>Time of knowing as of which it is; null for the live position.</summary>
    [JsonPropertyName("known_at")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTime? KnownAt { get; init; }

    /// <summary>A position of the past.</summary>
    public static PositionPayload Of(StockPosition position, AsOf asOf) =>
        Of(position) with { At = asOf.At == AsOf.Everything ? null : Time(asOf.At), KnownAt = Time(asOf.KnownAt) };

    public static PositionPayload Of(StockPosition position) => new()
    {
        SkuId = position.SkuId,
        LocationId = position.LocationId,
        OnHand = position.State.OnHand,
        Unsellable = position.State.Unsellable,
        Reserved = position.State.Reserved,
        InTransitIn = position.State.InTransitIn,
        InTransitOut = position.State.InTransitOut,
        Available = position.State.Available(),
        LastEventTs = Time(position.State.LastEventTs),
        LastCountTs = Time(position.State.LastCountTs),
        Version = position.State.Version,
    };

    /// <summary>Milliseconds since 1970-01-01 UTC as a time; null for 0.</summary>
    internal static DateTime? Time(long milliseconds) => milliseconds == 0 ? null : Instant(milliseconds);

    /// <summary>Milliseconds since 1970-01-01 UTC as a time.</summary>
    internal static DateTime Instant(long milliseconds) => DateTime.UnixEpoch.AddMilliseconds(milliseconds);
}

/// <summary>Every location of one SKU.</summary>
public sealed record SkuPayload
{
    [JsonPropertyName("sku_id")]
    public required string SkuId { get; init; }

    [JsonPropertyName("positions")]
    public required IReadOnlyList<PositionPayload> Positions { get; init; }
}

/// <summary>Problem details (RFC 9457). <see cref="Code"/> is stable; texts may change.</summary>
public sealed record ProblemPayload(string Type, string Title, int Status, string Detail, string Code);

/// <summary>What readiness waits for.</summary>
public sealed record ReadinessPayload(string Status, IReadOnlyList<string> Missing);

/// <summary>Sums over the lanes of this process.</summary>
public sealed record TotalsPayload(
    long Read, long Accepted, long Duplicates, long DeadLetters, long Late, long Replayed, long Unsettled, long Lag);

/// <summary>Seconds from the broker's timestamp to the position store; all but Max are estimates from buckets.</summary>
public sealed record FreshnessPayload(double P50, double P95, double P99, double Max);

/// <summary>One lane. PausedFor says why its partition is held back: backpressure, or alignment with lanes that are behind in event time.</summary>
public sealed record LanePayload(
    string Topic, int Partition, long Epoch, bool Paused, long Read, long Accepted, long Duplicates, long DeadLetters, long Late,
    long Replayed, long NegativeOnHand, long Unsettled, long ReadOffset, long PositionOffset, long DurableOffset, long HistoryGap, long CommittedOffset,
    long EndOffset, long Lag, DateTime? Watermark, DateTime? CloseWatermark, string? PausedFor, IReadOnlyList<SourcePayload> Sources);

/// <summary>One source_system of a lane. An idle one does not hold the lane's watermark back.</summary>
public sealed record SourcePayload(string SourceSystem, DateTime? Watermark, bool Idle, long Late);

/// <summary>
/// The state of this process. The watermark is the least over its lanes that have one; the global ones are the least over all partitions,
/// whichever process has them, and null while a partition's is unknown.
/// </summary>
public sealed record StatusPayload(
    string Version, bool Ready, TotalsPayload Totals, IReadOnlyDictionary<string, long> DeadLetterReasons, DateTime? Watermark,
    DateTime? GlobalWatermark, DateTime? GlobalCloseWatermark, FreshnessPayload? Freshness, IReadOnlyList<LanePayload> Lanes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SkuPayload))]
[JsonSerializable(typeof(PositionPayload))]
[JsonSerializable(typeof(ProblemPayload))]
[JsonSerializable(typeof(ReadinessPayload))]
[JsonSerializable(typeof(StatusPayload))]
[JsonSerializable(typeof(LedgerPayload))]
[JsonSerializable(typeof(LedgerEntryPayload))]
[JsonSerializable(typeof(ExplainPayload))]
[JsonSerializable(typeof(EventLineage))]
[JsonSerializable(typeof(QualityPayload))]
[JsonSerializable(typeof(DeadLettersPayload))]
[JsonSerializable(typeof(DeadLetterPayload))]
public sealed partial class ServeJson : JsonSerializerContext;
