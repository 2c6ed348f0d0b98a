namespace Stockflow.Avro;

/// <summary>
/// The logical types that this library converts. Any other name, and any of these on a base type that the
/// specification does not allow, is <see cref="None"/>: the value is then read as its base type.
/// </summary>
public enum AvroLogicalType
{
    None,

    /// <summary>Unscaled two's complement big-endian integer in bytes or fixed.</summary>
    Decimal,

    /// <summary>RFC 9562 text in a string, or 16 big-endian bytes in a fixed.</summary>
    Uuid,

    /// <summary>Days since 1970-01-01, int.</summary>
    Date,

    /// <summary>Milliseconds since midnight, int.</summary>
    TimeMillis,

    /// <summary>Microseconds since midnight, long.</summary>
    TimeMicros,

    /// <summary>Milliseconds since 1970-01-01T00:00Z, long.</summary>
    TimestampMillis,

    /// <summary>Microseconds since 1970-01-01T00:00Z, long.</summary>
    TimestampMicros,

    /// <summary>Milliseconds since 1970-01-01T00:00 in an unnamed local zone, long.</summary>
    LocalTimestampMillis,

    /// <summary>Microseconds since 1970-01-01T00:00 in an unnamed local zone, long.</summary>
    LocalTimestampMicros,
}
