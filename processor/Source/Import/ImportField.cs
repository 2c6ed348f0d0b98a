namespace Stockflow.Source.Import;

/// <summary>Fields of InventoryMovement that a mapping fills; <c>attributes</c> stands apart.</summary>
public enum ImportField
{
    EventId,
    EventTs,
    IngestTs,
    SkuId,
    LocationId,
    MovementType,
    QtyDelta,
    SourceSystem,
    ReferenceId,
    UnitPrice,
    UnitCost,
    Currency,
    PromoId,
    Reason,
    PerformedBy,
    CounterpartLocationId,
    CountedQty,
    CorrectsEventId,
    CustomerRef,
}

/// <summary>The fields' names in the Avro schema and in mapping files.</summary>
public static class ImportFields
{
    public static readonly string[] Names =
    [
        "event_id", "event_ts", "ingest_ts", "sku_id", "location_id", "movement_type", "qty_delta", "source_system",
        "reference_id", "unit_price", "unit_cost", "currency", "promo_id", "reason", "performed_by",
        "counterpart_location_id", "counted_qty", "corrects_event_id", "customer_ref",
    ];

    public static int Count => Names.Length;

    public static string Name(this ImportField field) => Names[(int)field];
}

/// <summary>What becomes of the sign of a quantity.</summary>
public enum QuantitySign
{
    AsIs,
    Negate,

    /// <summary>The sign that the movement type has; an adjustment keeps its own.</summary>
    ByType,
}
