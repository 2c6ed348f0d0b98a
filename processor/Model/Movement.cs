namespace Stockflow.Model;

/// <summary>
/// One decoded InventoryMovement. Text stays as UTF-8 in the arena of the batch that carries it;
/// ids that stages compare are numbers of the batch's <see cref="IdTable"/>.
/// </summary>
public struct Movement
{
    /// <summary>In <see cref="UnitPrice"/> and <see cref="CountedQty"/>: the field is null.</summary>
    public const long Absent = long.MinValue;

    /// <summary>In <see cref="UnitPrice"/> and <see cref="UnitCost"/>: more than the 18 digits of the schema.</summary>
    public const long OutOfRange = long.MinValue + 1;

    /// <summary>18 digits.</summary>
    public const long MaximumMoney = 999_999_999_999_999_999;

    /// <summary>128-bit hash of event_id.</summary>
    public UInt128 Fingerprint;

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public long EventTs, IngestTs;

    /// <summary>Units; sign by type.</summary>
    public long QtyDelta;

    /// <summary>Units counted, or <see cref="Absent"/>.</summary>
    public long CountedQty;

    /// <summary>Ten-thousandths of the currency unit, or <see cref="Absent"/>.</summary>
    public long UnitPrice, UnitCost;

    /// <summary>Numbers in the batch's <see cref="IdTable"/>; <see cref="Counterpart"/> is -1 where absent.</summary>
    public int Sku, Location, Counterpart, Source;

    public MovementType Type;

    /// <summary>False for services and fees: the ledger keeps the movement, no position changes.</summary>
    public bool Stocked;

    public Slice EventId, SkuId, LocationId, SourceSystem, ReferenceId, Currency, PromoId, Reason, PerformedBy,
        CounterpartId, CorrectsEventId, CustomerRef;

    /// <summary>The Avro encoding of <c>map&lt;string&gt;</c>.</summary>
    public Slice Attributes;
}
