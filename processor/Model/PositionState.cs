namespace Stockflow.Model;

/// <summary>
/// What the stream knows of one SKU at one location. Quantities in units, times in milliseconds since 1970-01-01 UTC,
/// 0 where nothing has happened.
/// </summary>
public record struct PositionState
{
    public long OnHand;

    /// <summary>Part of <see cref="OnHand"/> that can not be sold: damaged or on quality hold.</summary>
    public long Unsellable;

    public long Reserved;

    public long InTransitIn, InTransitOut;

    /// <summary>Latest event time that touched this position.</summary>
    public long LastEventTs;

    /// <summary>Event time of the count that <see cref="OnHand"/> rests on.</summary>
    public long LastCountTs;

    /// <summary>Units of that count. Of two counts at the same instant the larger one holds, whichever came first.</summary>
    public long LastCountQty;

    /// <summary>Number of changes; a reader's ETag.</summary>
    public long Version;

    public readonly long Available(long safetyBuffer = 0) =>
        Math.Max(0, OnHand - Unsellable - Math.Max(0, Reserved) - safetyBuffer);
}

/// <summary>A position with its key, as readers see it.</summary>
public readonly record struct StockPosition(string SkuId, string LocationId, PositionState State);
