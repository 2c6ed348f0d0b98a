namespace Stockflow.Model;

/// <summary>Why a record is a dead letter. The names in <see cref="RejectReasons"/> are stable: dashboards count by them.</summary>
public enum RejectReason : byte
{
    None,
    WireFormat,
    UnknownSchema,
    WrongRecord,
    AvroMalformed,
    TooLarge,
    MissingId,
    BadId,
    KeyMismatch,
    UnknownSku,
    UnknownLocation,
    UnknownMovementType,
    QuantitySign,
    QuantityRange,
    CountMissing,
    CorrectionTarget,
    CounterpartMissing,
    TimeRange,
    TimeFuture,
    Currency,
    Attributes,
    Validity,
    UnknownType,
    Lines,
    Quarantined,
}

public static class RejectReasons
{
    public static readonly string[] Codes =
    [
        "none", "wire_format", "unknown_schema", "wrong_record", "avro_malformed", "too_large", "missing_id", "bad_id",
        "key_mismatch", "unknown_sku", "unknown_location", "unknown_movement_type", "quantity_sign", "quantity_range",
        "count_missing", "correction_target", "counterpart_missing", "time_range", "time_future", "currency", "attributes", "validity",
        "unknown_type", "lines", "quarantined",
    ];

    public static string Code(this RejectReason reason) => Codes[(int)reason];
}
