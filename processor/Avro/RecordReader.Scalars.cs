using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Stockflow.Avro;

/// <summary>Reading of single values outside the main loop.</summary>
public sealed partial class RecordReader
{
    /// <summary>The kinds that are rare in events, kept out of the loop so that it stays small.</summary>
    private static AvroErrorCode Scalar(in RecordOp op, ReadOnlySpan<byte> input, ref int offset, ref AvroSlot slot)
    {
        var rest = input[offset..];
        var size = op.Code switch { RecordOpCode.Double => 8, RecordOpCode.Float => 4, RecordOpCode.Boolean => 1, RecordOpCode.Fixed => op.Size, _ => 0 };
        if (size > rest.Length)
        {
            return AvroErrorCode.Truncated;
        }

        slot.Kind = AvroSlotKind.Double;
        switch (op.Code)
        {
            case RecordOpCode.Boolean:
                slot.Kind = AvroSlotKind.Boolean;
                slot.Long = rest[0];
                offset += rest[0] <= 1 ? 1 : 0;
                return rest[0] <= 1 ? AvroErrorCode.None : AvroErrorCode.BadBoolean;
            case RecordOpCode.Double:
                slot.Double = BinaryPrimitives.ReadDoubleLittleEndian(rest);
                offset += size;
                return AvroErrorCode.None;
            case RecordOpCode.Float:
                slot.Double = BinaryPrimitives.ReadSingleLittleEndian(rest);
                offset += size;
                return AvroErrorCode.None;
            case RecordOpCode.Fixed:
                slot.Kind = AvroSlotKind.Bytes;
                slot.Length = size;
                slot.Start = offset;
                offset += size;
                return AvroErrorCode.None;
            case RecordOpCode.Unreadable:
                return AvroErrorCode.UnreadableUnionBranch;
        }

        var next = AvroVarint.Read(ref MemoryMarshal.GetReference(input), offset, input.Length, out var value);
        if (next < 0)
        {
            return AvroVarint.Error(next);
        }

        var isInt = op.Code is RecordOpCode.Int or RecordOpCode.IntToFloat or RecordOpCode.IntToDouble || op.Node!.Writer.Type == AvroType.Int;
        if (isInt && value != (int)value)
        {
            return AvroErrorCode.BadVarint;
        }

        if (op.Code == RecordOpCode.MillisToMicros && value is < long.MinValue / 1000 or > long.MaxValue / 1000)
        {
            return AvroErrorCode.TimestampOverflow;
        }

        offset = next;
        switch (op.Code)
        {
            case RecordOpCode.IntToFloat or RecordOpCode.LongToFloat:
                slot.Double = (float)value;
                break;
            case RecordOpCode.IntToDouble or RecordOpCode.LongToDouble:
                slot.Double = value;
                break;
            default:
                slot.Kind = AvroSlotKind.Long;
                slot.Long = op.Code switch
                {
                    RecordOpCode.MillisToMicros => value * 1000,
                    RecordOpCode.MicrosToMillis => AvroTime.FloorDivide(value, 1000),
                    _ => value,
                };
                break;
        }

        return AvroErrorCode.None;
    }

    /// <summary>Most ids are short ASCII: eight bytes at a time, and the full check only where a high bit shows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsUtf8(ref byte first, int length)
    {
        const ulong HighBits = 0x8080808080808080UL;
        if (length < 8)
        {
            for (var i = 0; i < length; i++)
            {
                if (Unsafe.Add(ref first, i) >= 0x80)
                {
                    return Utf8.IsValid(MemoryMarshal.CreateReadOnlySpan(ref first, length));
                }
            }

            return true;
        }

        var seen = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, length - 8));
        for (var i = 0; i < length - 8; i += 8)
        {
            seen |= Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, i));
        }

        return (seen & HighBits) == 0 || Utf8.IsValid(MemoryMarshal.CreateReadOnlySpan(ref first, length));
    }
}
