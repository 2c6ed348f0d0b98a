namespace Stockflow.Avro;

/// <summary>Why a value could not be read or written. The names are stable: they appear in dead letters and metrics.</summary>
public enum AvroErrorCode : byte
{
    None,

    /// <summary>The input ends inside a value.</summary>
    Truncated,

    /// <summary>Bytes are left after the last field.</summary>
    TrailingBytes,

    /// <summary>A variable-length integer of more than 10 bytes, beyond 64 bits, or beyond 32 bits for an int.</summary>
    BadVarint,

    /// <summary>A boolean that is neither 0 nor 1.</summary>
    BadBoolean,

    /// <summary>A union branch that the writer's schema does not have.</summary>
    BadUnionIndex,

    /// <summary>An enum index that the writer's schema does not have.</summary>
    BadEnumIndex,

    /// <summary>A string that is not UTF-8.</summary>
    BadUtf8,

    /// <summary>A negative length of a string, of bytes or of a block.</summary>
    NegativeLength,

    /// <summary>A string or bytes beyond <see cref="AvroLimits.MaxBytes"/>.</summary>
    TooLong,

    /// <summary>Nesting beyond <see cref="AvroLimits.MaxDepth"/>.</summary>
    TooDeep,

    /// <summary>More items in arrays, maps and nested records than <see cref="AvroLimits.MaxItems"/>.</summary>
    TooManyItems,

    /// <summary>A body beyond <see cref="AvroLimits.MaxBodyBytes"/>.</summary>
    BodyTooLarge,

    /// <summary>A block whose stated size is not the size of its items.</summary>
    BadBlockSize,

    /// <summary>A symbol that the reader's enum does not have and has no default for.</summary>
    UnknownEnumSymbol,

    /// <summary>A union branch of the writer that the reader's type can not take.</summary>
    UnreadableUnionBranch,

    /// <summary>A timestamp that leaves 64 bits when converted from milliseconds to microseconds.</summary>
    TimestampOverflow,

    /// <summary>A value that its schema can not hold (writing only).</summary>
    ValueMismatch,
}
