namespace Stockflow.Serve.Stock;

/// <summary>Units of one SKU within a transfer.</summary>
/// <param name="LineId">Its name within the transfer; its number from 1 unless given.</param>
/// <param name="SkuId">SKU.</param>
/// <param name="Quantity">Units asked for, held at the source until they leave.</param>
/// <param name="Shipped">Units that left.</param>
/// <param name="Received">Units that arrived well.</param>
/// <param name="Damaged">Units that arrived and can not be sold.</param>
/// <param name="Lost">Units that will not arrive.</param>
public sealed record TransferLine(string LineId, string SkuId, long Quantity, long Shipped, long Received, long Damaged, long Lost)
{
    /// <summary>Units on the way.</summary>
    public long Outstanding => Shipped - Received - Damaged - Lost;
}

/// <summary>Goods that go from one location to another, as they are stored and answered. Times in UTC.</summary>
public sealed record Transfer
{
    public const string Pending = "PENDING", InTransit = "IN_TRANSIT", AllReceived = "RECEIVED", Cancelled = "CANCELLED";

    public required string TransferId { get; init; }

    public required string State { get; init; }

    /// <summary>The caller's own document; its movements carry it.</summary>
    public string? Reference { get; init; }

    public required string FromLocationId { get; init; }

    public required string ToLocationId { get; init; }

    public required DateTime CreatedAt { get; init; }

    public DateTime ChangedAt { get; init; }

    public DateTime? ShippedAt { get; init; }

    public DateTime? ReceivedAt { get; init; }

    public required string CreatedBy { get; init; }

    public string? Reason { get; init; }

    public required IReadOnlyList<TransferLine> Lines { get; init; }

    public bool IsOver => State is AllReceived or Cancelled;
}

/// <summary>A line of a request for a transfer.</summary>
public sealed record TransferLineRequest(string? LineId, string? SkuId, long Quantity);

/// <summary>A request for a transfer.</summary>
public sealed record TransferRequest(
    string? FromLocationId, string? ToLocationId, IReadOnlyList<TransferLineRequest>? Lines, string? TransferId = null, string? Reference = null);

/// <summary>Units of a line that leave.</summary>
public sealed record TransferShipLine(string? LineId, long Quantity);

/// <summary>A request to ship: without lines all of it; with lines those units only, and what is left is given back at the source.</summary>
public sealed record TransferShipRequest(IReadOnlyList<TransferShipLine>? Lines = null);

/// <summary>Units of a line that are accounted for: well, damaged, lost on the way.</summary>
public sealed record TransferReceiptLine(string? LineId, long Quantity = 0, long Damaged = 0, long Lost = 0);

/// <summary>A request to receive.</summary>
public sealed record TransferReceiptRequest(IReadOnlyList<TransferReceiptLine>? Lines);

/// <summary>A request to end something, with the reason.</summary>
public sealed record EndRequest(string? Reason = null);
