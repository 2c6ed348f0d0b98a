namespace Stockflow.Model;

/// <summary>What happened to an order. The order is that of the Avro enum <c>OrderEventType</c>.</summary>
public enum OrderEventType : byte
{
    Unknown,
    Placed,
    Cancelled,
    Substituted,
    PartiallyShipped,
    Shipped,
    Returned,
}

/// <summary>The names that stand on the wire.</summary>
public static class OrderEventTypes
{
    public static readonly string[] Names = ["UNKNOWN", "PLACED", "CANCELLED", "SUBSTITUTED", "PARTIALLY_SHIPPED", "SHIPPED", "RETURNED"];

    public static string Name(this OrderEventType type) => Names[(int)type];
}

/// <summary>One event of a customer order, checked. Whether its SKUs and locations are known is not.</summary>
/// <param name="EventId">Unique id of the fact, 1 to 128 bytes.</param>
/// <param name="EventTs">When it happened, milliseconds since 1970-01-01 UTC.</param>
/// <param name="IngestTs">When the source handed it over, milliseconds since 1970-01-01 UTC.</param>
/// <param name="OrderId">Order; the record's key.</param>
/// <param name="Type">Never unknown.</param>
/// <param name="SourceSystem">Who says so.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="CustomerRef">Pseudonym of the customer.</param>
/// <param name="Lines">The lines that the event touches: 1 to 1,000, each line id once.</param>
public sealed record OrderFact(
    string EventId, long EventTs, long IngestTs, string OrderId, OrderEventType Type, string SourceSystem, string? Currency, string? CustomerRef, IReadOnlyList<OrderFactLine> Lines);

/// <summary>One line of an order's event.</summary>
/// <param name="LineId">Line within the order.</param>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Fulfilling location.</param>
/// <param name="Quantity">Units, above zero.</param>
/// <param name="UnitPrice">Ten-thousandths of the currency unit.</param>
/// <param name="SubstitutesSkuId">SKU that this line replaces, another one than its own.</param>
public sealed record OrderFactLine(string LineId, string SkuId, string LocationId, long Quantity, long? UnitPrice, string? SubstitutesSkuId);
