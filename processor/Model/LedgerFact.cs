namespace Stockflow.Model;

/// <summary>An accepted movement as the ledger keeps it. Times in milliseconds since 1970-01-01 UTC, quantities in units.</summary>
public sealed record LedgerFact
{
    public required int Partition { get; init; }

    public required long Offset { get; init; }

    public required string EventId { get; init; }

    public required long EventTs { get; init; }

    public required string SkuId { get; init; }

    public required string LocationId { get; init; }

    public required MovementType Type { get; init; }

    public required long QtyDelta { get; init; }

    public long? CountedQty { get; init; }

    public string SourceSystem { get; init; } = "";

    public string ReferenceId { get; init; } = "";

    public decimal? UnitPrice { get; init; }

    public decimal? UnitCost { get; init; }

    public string Currency { get; init; } = "";

    public string PromoId { get; init; } = "";

    /// <summary>The other end of a transfer; empty without one.</summary>
    public string CounterpartId { get; init; } = "";

    /// <summary>Whether both say the same of the same thing; where they stand in the log does not matter.</summary>
    public bool IsSameFact(LedgerFact other) =>
        EventId == other.EventId && EventTs == other.EventTs && SkuId == other.SkuId && LocationId == other.LocationId && Type == other.Type
        && QtyDelta == other.QtyDelta && CountedQty == other.CountedQty && SourceSystem == other.SourceSystem && CounterpartId == other.CounterpartId;
}

/// <summary>A record that carries an event_id which a lower offset had carried already.</summary>
/// <param name="First">The earlier record: of the same fact where there is one.</param>
/// <param name="Second">The later record.</param>
public readonly record struct RepeatedEvent(LedgerFact First, LedgerFact Second)
{
    /// <summary>Whether the fact counted twice; otherwise the id was used for two facts.</summary>
    public bool IsDuplicate => First.IsSameFact(Second);
}
