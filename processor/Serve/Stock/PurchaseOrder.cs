namespace Stockflow.Serve.Stock;

/// <summary>One line of a purchase order.</summary>
/// <param name="LineId">Line within the order.</param>
/// <param name="SkuId">SKU.</param>
/// <param name="LocationId">Receiving location.</param>
/// <param name="Ordered">Units.</param>
/// <param name="Received">Units that arrived, damaged ones included: the most that the stream or the receipts here say.</param>
/// <param name="UnitCost">In the order's currency.</param>
/// <param name="ExpectedDate">Day on which it is expected.</param>
public sealed record PurchaseOrderLine(string LineId, string SkuId, string LocationId, long Ordered, long Received, decimal? UnitCost, DateOnly? ExpectedDate)
{
    /// <summary>Units whose RECEIPT was posted here, damaged ones included.</summary>
    public long Posted { get; init; }

    /// <summary>Units of <see cref="Posted"/> that can not be sold.</summary>
    public long Damaged { get; init; }

    /// <summary>Nothing more is expected, although less came than was ordered.</summary>
    public bool ClosedShort { get; init; }

    public long Outstanding => ClosedShort ? 0 : Math.Max(0, Ordered - Received);
}

/// <summary>Units of a line within a ship notice.</summary>
public sealed record ShipNoticeLine(string LineId, long Shipped);

/// <summary>What the latest event of a ship notice says.</summary>
public sealed record ShipNotice(string ShipNoticeId, DateTime ExpectedAt, IReadOnlyList<ShipNoticeLine> Lines, long EventTs, string EventId);

/// <summary>What the latest event of a dock appointment says; <paramref name="EndsAt"/> is when the load is expected to be in.</summary>
public sealed record DockAppointment(string AppointmentId, string? ShipNoticeId, string LocationId, DateTime EndsAt, string Status, long EventTs, string EventId);

/// <summary>A purchase order, as it is stored and answered. Times in UTC.</summary>
public sealed record PurchaseOrder
{
    /// <summary>Names of <see cref="Model.PurchaseOrderStatus"/>. Unknown: a ship notice or an appointment came before its order.</summary>
    public const string Unknown = "UNKNOWN", Draft = "DRAFT", Approved = "APPROVED", Sent = "SENT", Confirmed = "CONFIRMED",
        PartiallyReceived = "PARTIALLY_RECEIVED", AllReceived = "RECEIVED", Closed = "CLOSED", Cancelled = "CANCELLED";

    public required string PoId { get; init; }

    /// <summary>What follows from <see cref="Declared"/> and the units received.</summary>
    public required string State { get; init; }

    /// <summary>The status that an event or a command gave it last.</summary>
    public required string Declared { get; init; }

    public string? VendorId { get; init; }

    public string? Currency { get; init; }

    public required DateTime CreatedAt { get; init; }

    public DateTime ChangedAt { get; init; }

    /// <summary>Who made it: a caller, or the source system of the stream.</summary>
    public required string CreatedBy { get; init; }

    public string? Reason { get; init; }

    public required IReadOnlyList<PurchaseOrderLine> Lines { get; init; }

    public IReadOnlyList<ShipNotice> ShipNotices { get; init; } = [];

    public IReadOnlyList<DockAppointment> Appointments { get; init; } = [];

    /// <summary>Event time, in milliseconds, and id of the event that <see cref="Lines"/> come from; an older one changes nothing.</summary>
    public long OrderTs { get; init; }

    public string OrderEventId { get; init; } = "";

    /// <summary>When <see cref="Declared"/> was decided, in milliseconds.</summary>
    public long DecidedTs { get; init; }

    /// <summary>Whether goods are expected.</summary>
    public bool IsOpen => State is Approved or Sent or Confirmed or PartiallyReceived;

    public bool IsOver => State is AllReceived or Closed or Cancelled;
}

/// <summary>A line of a request for a purchase order.</summary>
public sealed record PurchaseOrderLineRequest(
    string? LineId, string? SkuId, string? LocationId, long Ordered, DateOnly? ExpectedDate = null, decimal? UnitCost = null);

/// <summary>A request for a purchase order.</summary>
public sealed record PurchaseOrderRequest(string? PoId, string? VendorId, IReadOnlyList<PurchaseOrderLineRequest>? Lines, string? Currency = null);

/// <summary>Units of a line that arrive: well and damaged apart. A line may stand several times, such as once for each lot.</summary>
public sealed record PurchaseReceiptLine(
    string? LineId, long Quantity = 0, long Damaged = 0, bool CloseShort = false, string? Lot = null, IReadOnlyDictionary<string, string>? Attributes = null);

/// <summary>A request to receive.</summary>
public sealed record PurchaseReceiptRequest(IReadOnlyList<PurchaseReceiptLine>? Lines);
