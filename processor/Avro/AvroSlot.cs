using System.Runtime.InteropServices;

namespace Stockflow.Avro;

/// <summary>What an <see cref="AvroSlot"/> holds.</summary>
public enum AvroSlotKind : byte
{
    /// <summary>Null.</summary>
    Null,

    /// <summary><see cref="AvroSlot.Long"/> is 0 or 1.</summary>
    Boolean,

    /// <summary>
    /// <see cref="AvroSlot.Long"/>: an int, a long, a date in days, a time or timestamp in the reader type's unit, or
    /// an enum as the index of the reader's symbol.
    /// </summary>
    Long,

    /// <summary><see cref="AvroSlot.Double"/>: a float or a double.</summary>
    Double,

    /// <summary>
    /// A string (valid UTF-8), bytes, a fixed or a decimal's raw big-endian bytes: <see cref="AvroSlot.Start"/> and
    /// <see cref="AvroSlot.Length"/> within the input, without any length prefix.
    /// </summary>
    Bytes,

    /// <summary>
    /// The reader's default of a field that the writer lacks, of a type that has no other kind here: take
    /// <see cref="RecordReader.Bytes"/>. A string or bytes is its content; an array, map, record or union its encoding
    /// in the reader's type.
    /// </summary>
    Default,

    /// <summary>
    /// An array, map, record or union of several types: <see cref="AvroSlot.Start"/> and <see cref="AvroSlot.Length"/>
    /// of its encoding in the writer's type, checked in full. See <see cref="RecordReader.Inner"/>,
    /// <see cref="AvroMapCursor"/>, <see cref="AvroArrayCursor"/> and <see cref="RecordReader.ToObject"/>.
    /// </summary>
    Complex,
}

/// <summary>One top-level field of a record as <see cref="RecordReader"/> found it. 16 bytes, no references.</summary>
/// <remarks>Long, Double and Start share their memory: which one holds depends on <see cref="Kind"/>.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct AvroSlot
{
    /// <summary>Which of the other members hold.</summary>
    [FieldOffset(0)]
    public AvroSlotKind Kind;

    /// <summary>Branch of the writer's union of several types that a complex value was written with.</summary>
    [FieldOffset(2)]
    internal ushort Branch;

    /// <summary>Bytes from <see cref="Start"/>.</summary>
    [FieldOffset(4)]
    public int Length;

    /// <summary>The integer value.</summary>
    [FieldOffset(8)]
    public long Long;

    /// <summary>The floating-point value.</summary>
    [FieldOffset(8)]
    public double Double;

    /// <summary>First byte within the input.</summary>
    [FieldOffset(8)]
    public int Start;

    /// <summary>True unless the value is null.</summary>
    public readonly bool HasValue => Kind != AvroSlotKind.Null;

    /// <summary>The bytes of a <see cref="AvroSlotKind.Bytes"/> or <see cref="AvroSlotKind.Complex"/> slot within its input; empty for other kinds.</summary>
    public readonly ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> input) =>
        Kind is AvroSlotKind.Bytes or AvroSlotKind.Complex ? input.Slice(Start, Length) : default;
}
