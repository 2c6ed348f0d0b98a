namespace Stockflow.Model;

/// <summary>Status of a purchase order. The order is that of the Avro enum <c>PurchaseOrderStatus</c>.</summary>
public enum PurchaseOrderStatus : byte
{
    Unknown,
    Draft,
    Approved,
    Sent,
    Confirmed,
    PartiallyReceived,
    Received,
    Closed,
    Cancelled,
}

/// <summary>Status of a dock appointment. The order is that of the Avro enum <c>AppointmentStatus</c>.</summary>
public enum AppointmentStatus : byte
{
    Unknown,
    Booked,
    Arrived,
    Completed,
    NoShow,
    Cancelled,
}

/// <summary>The names that stand on the wire.</summary>
public static class InboundStatuses
{
    public static readonly string[] PurchaseOrderNames =
        ["UNKNOWN", "DRAFT", "APPROVED", "SENT", "CONFIRMED", "PARTIALLY_RECEIVED", "RECEIVED", "CLOSED", "CANCELLED"];

    public static readonly string[] AppointmentNames = ["UNKNOWN", "BOOKED", "ARRIVED", "COMPLETED", "NO_SHOW", "CANCELLED"];

    public static string Name(this PurchaseOrderStatus status) => PurchaseOrderNames[(int)status];

    public static string Name(this AppointmentStatus status) => AppointmentNames[(int)status];
}

/// <summary>What one record of topic <c>purchase-orders</c> says, checked. Whether its SKUs and locations are known is not.</summary>
/// <param name="EventId">Unique id of the fact, 1 to 128 bytes.</param>
/// <param name="EventTs">When it happened, milliseconds since 1970-01-01 UTC.</param>
/// <param name="PurchaseOrderId">Purchase order; the record's key.</param>
public abstract record InboundFact(string EventId, long EventTs, string PurchaseOrderId);

/// <summary>A purchase order as it stands after an event.</summary>
/// <param name="IngestTs">When the source handed it over, milliseconds since 1970-01-01 UTC.</param>
/// <param name="VendorId">Vendor.</param>
/// <param name="Status">Never unknown.</param>
/// <param name="SourceSystem">Who says so.</param>
/// <param name="Lines">All lines as they now stand, none to 1,000, each line id once; a line that is gone stands no more.</param>
public sealed record PurchaseOrderFact(
    string EventId, long EventTs, long IngestTs, string PurchaseOrderId, string VendorId, PurchaseOrderStatus Status, string SourceSystem,
    IReadOnlyList<PurchaseOrderFactLine> Lines)
    : InboundFact(EventId, EventTs, PurchaseOrderId);

/// <summary>One line of a purchase order.</summary>
/// <param name="LineId">Line within the order.</param>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Receiving location.</param>
/// <param name="Ordered">Units, 0 or more.</param>
/// <param name="Received">Units so far, 0 or more; may exceed what was ordered.</param>
/// <param name="UnitCost">Ten-thousandths of the currency unit.</param>
/// <param name="ExpectedDate">Day on which it is expected, from 1990 to 2148.</param>
public sealed record PurchaseOrderFactLine(
    string LineId, string SkuId, string LocationId, long Ordered, long Received, long? UnitCost, DateOnly? ExpectedDate);

/// <summary>An advance ship notice.</summary>
/// <param name="IngestTs">When the source handed it over, milliseconds since 1970-01-01 UTC.</param>
/// <param name="ShipNoticeId">Ship notice.</param>
/// <param name="VendorId">Vendor.</param>
/// <param name="ExpectedTs">Expected arrival, milliseconds since 1970-01-01 UTC, from 1990 to 2298.</param>
/// <param name="Lines">1 to 1,000; a line of the order may stand in several, such as one for each pallet.</param>
public sealed record ShipNoticeFact(
    string EventId, long EventTs, long IngestTs, string ShipNoticeId, string PurchaseOrderId, string VendorId, long ExpectedTs,
    IReadOnlyList<ShipNoticeFactLine> Lines)
    : InboundFact(EventId, EventTs, PurchaseOrderId);

/// <summary>Units of one line of the order that are on the way.</summary>
/// <param name="PurchaseOrderLineId">Line of the purchase order.</param>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Receiving location.</param>
/// <param name="Shipped">Units, above zero.</param>
public sealed record ShipNoticeFactLine(string PurchaseOrderLineId, string SkuId, string LocationId, long Shipped);

/// <summary>A dock appointment of an inbound load.</summary>
/// <param name="AppointmentId">Appointment.</param>
/// <param name="ShipNoticeId">Ship notice, where known.</param>
/// <param name="LocationId">Receiving location.</param>
/// <param name="DockDoor">Door.</param>
/// <param name="StartsAt">Milliseconds since 1970-01-01 UTC, from 1990 to 2298.</param>
/// <param name="EndsAt">After <paramref name="StartsAt"/>.</param>
/// <param name="Status">Never unknown.</param>
public sealed record AppointmentFact(
    string EventId, long EventTs, string AppointmentId, string PurchaseOrderId, string? ShipNoticeId, string LocationId, string? DockDoor,
    long StartsAt, long EndsAt, AppointmentStatus Status)
    : InboundFact(EventId, EventTs, PurchaseOrderId);
