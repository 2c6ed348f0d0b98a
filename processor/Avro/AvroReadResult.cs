using System.Globalization;

namespace Stockflow.Avro;

/// <summary>Whether a body could be read, and where and why not. Costs nothing unless <see cref="Message"/> is asked for.</summary>
public readonly struct AvroReadResult
{
    internal AvroReadResult(AvroErrorCode code, string? field, int position)
    {
        Code = code;
        Field = field;
        Position = position;
    }

    /// <summary>True if every field was read.</summary>
    public bool IsOk => Code == AvroErrorCode.None;

    /// <summary>What is wrong, or <see cref="AvroErrorCode.None"/>.</summary>
    public AvroErrorCode Code { get; }

    /// <summary>The writer's name of the field that could not be read; null for the record as a whole.</summary>
    public string? Field { get; }

    /// <summary>The byte position in the input where reading stopped.</summary>
    public int Position { get; }

    /// <summary>One sentence for a person; built on each call.</summary>
    public string Message => IsOk
        ? "ok"
        : string.Create(CultureInfo.InvariantCulture, $"{(Field is null ? "the record" : $"field '{Field}'")} at byte {Position}: {Describe(Code)}");

    internal static string Describe(AvroErrorCode code) => code switch
    {
        AvroErrorCode.Truncated => "the input ends inside the value",
        AvroErrorCode.TrailingBytes => "bytes are left after the last field",
        AvroErrorCode.BadVarint => "an integer has too many bytes for its type",
        AvroErrorCode.BadBoolean => "a boolean is neither 0 nor 1",
        AvroErrorCode.BadUnionIndex => "the union has no such branch",
        AvroErrorCode.BadEnumIndex => "the enum has no such symbol",
        AvroErrorCode.BadUtf8 => "the string is not UTF-8",
        AvroErrorCode.NegativeLength => "a length is negative",
        AvroErrorCode.TooLong => "a string or bytes value is longer than allowed",
        AvroErrorCode.TooDeep => "the value is nested deeper than allowed",
        AvroErrorCode.TooManyItems => "there are more items than allowed",
        AvroErrorCode.BodyTooLarge => "the record is larger than allowed",
        AvroErrorCode.BadBlockSize => "a block's stated size is not the size of its items",
        AvroErrorCode.UnknownEnumSymbol => "the reader's enum has neither the written symbol nor a default",
        AvroErrorCode.UnreadableUnionBranch => "the reader's type can not take the written union branch",
        AvroErrorCode.TimestampOverflow => "the timestamp does not fit 64 bits in microseconds",
        AvroErrorCode.ValueMismatch => "the value does not fit its schema",
        _ => "ok",
    };
}
