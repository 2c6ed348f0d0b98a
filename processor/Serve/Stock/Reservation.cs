using System.Text.Json.Serialization;

namespace Stockflow.Serve.Stock;

/// <summary>Units of one SKU at one location within a reservation.</summary>
/// <param name="LineId">Its name within the reservation; its number from 1 unless given.</param>
/// <param name="SkuId">SKU.</param>
/// <param name="LocationId">Location.</param>
/// <param name="Quantity">Units asked for.</param>
/// <param name="Reserved">Units got at first; below <paramref name="Quantity"/> in a partial reservation.</param>
/// <param name="Fulfilled">Units that left.</param>
/// <param name="Released">Units given back.</param>
public sealed record ReservationLine(string LineId, string SkuId, string LocationId, long Quantity, long Reserved, long Fulfilled, long Released)
{
    /// <summary>Units still held.</summary>
    public long Held => Reserved - Fulfilled - Released;
}

/// <summary>The document that a reservation is for: <c>order</c>, or <c>transfer</c> with the location that the goods go to.</summary>
public sealed record ReservationReference(string Type, string Id, string? DestinationLocationId = null);

/// <summary>A reservation, as it is stored and answered. Times in UTC.</summary>
public sealed record Reservation
{
    public const string Active = "ACTIVE", Fulfilled = "FULFILLED", Cancelled = "CANCELLED", Expired = "EXPIRED";

    public required string ReservationId { get; init; }

    public required string State { get; init; }

    /// <summary><c>soft</c> (a basket) or <c>hard</c> (a confirmed order). Both are kept from others.</summary>
    public required string Kind { get; init; }

    public required ReservationReference Reference { get; init; }

    public required DateTime CreatedAt { get; init; }

    public DateTime ChangedAt { get; init; }

    /// <summary>Null for a hard one that does not expire.</summary>
    public DateTime? ExpiresAt { get; init; }

    public string? CustomerRef { get; init; }

    public required string CreatedBy { get; init; }

    public required IReadOnlyList<ReservationLine> Lines { get; init; }

    public bool IsActive => State == Active;

    public long ExpiresTs => ExpiresAt is { } at ? CommandParts.Ts(at) : 0;

    public bool HasLapsed(long nowTs) => IsActive && ExpiresTs > 0 && ExpiresTs <= nowTs;
}

/// <summary>A line of a request for a reservation.</summary>
public sealed record ReservationLineRequest(string? LineId, string? SkuId, string? LocationId, long Quantity);

/// <summary>A request for a reservation; ttl_seconds 0 is a hard one that does not expire.</summary>
public sealed record ReservationRequest(
    ReservationReference? Reference, IReadOnlyList<ReservationLineRequest>? Lines, string Kind = "soft", bool AllowPartial = false, int? TtlSeconds = null, string? CustomerRef = null);

/// <summary>A request to lengthen a reservation: it then holds for so many seconds from now.</summary>
public sealed record ExtendRequest(int? TtlSeconds = null);

/// <summary>Units of a line that leave or are given back.</summary>
public sealed record LineQuantity(string? LineId, long Quantity);

/// <summary>A request to fulfil or release; without lines all that is held.</summary>
public sealed record LinesRequest(IReadOnlyList<LineQuantity>? Lines = null, string? Reason = null);

/// <summary>A request to set a safety buffer.</summary>
public sealed record BufferRequest(long? Units);

/// <summary>A safety buffer as it is answered.</summary>
public sealed record BufferPayload(string SkuId, string LocationId, long Units);

/// <summary>A pair of a batch.</summary>
public sealed record AtpPair(string? SkuId, string? LocationId);

/// <summary>A request for many pairs.</summary>
public sealed record AtpBatchRequest(IReadOnlyList<AtpPair>? Pairs, DateTime? At = null, int? HorizonDays = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(Reservation))]
[JsonSerializable(typeof(ReservationRequest))]
[JsonSerializable(typeof(ExtendRequest))]
[JsonSerializable(typeof(LinesRequest))]
[JsonSerializable(typeof(BufferRequest))]
[JsonSerializable(typeof(BufferPayload))]
[JsonSerializable(typeof(AtpBatchRequest))]
[JsonSerializable(typeof(Order))]
internal sealed partial class StockJson : JsonSerializerContext;
