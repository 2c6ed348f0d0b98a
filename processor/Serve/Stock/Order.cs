namespace Stockflow.Serve.Stock;

/// <summary>A line of an order. Units: asked for, held now, waiting for stock, shipped, returned, given up.</summary>
public sealed record OrderLine(string LineId, string SkuId, string LocationId, long Quantity, long Reserved, long Backordered, long Shipped, long Returned, long Cancelled)
{
    public long? UnitPrice { get; init; }

    /// <summary>The line that this one replaces.</summary>
    public string? Substitutes { get; init; }

    /// <summary>Units that are neither shipped nor given up.</summary>
    public long Open => Math.Max(0, Quantity - Shipped - Cancelled);
}

/// <summary>An order as the stream's events made it. Times in UTC.</summary>
public sealed record Order
{
    public const string Placed = "PLACED", Backordered = "BACKORDERED", PartiallyShipped = "PARTIALLY_SHIPPED", Shipped = "SHIPPED", Cancelled = "CANCELLED";

    public required string OrderId { get; init; }

    public required string State { get; init; }

    public required DateTime PlacedAt { get; init; }

    public required DateTime ChangedAt { get; init; }

    public string? Currency { get; init; }

    public string? CustomerRef { get; init; }

    /// <summary>The latest events, so that one that comes again changes nothing.</summary>
    public required IReadOnlyList<string> Events { get; init; }

    public required IReadOnlyList<OrderLine> Lines { get; init; }

    public bool HasBackorder => Lines.Any(line => line.Backordered > 0);
}
