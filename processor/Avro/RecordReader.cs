using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stockflow.Avro;

/// <summary>
/// Reads one record of a writer's schema into a slot per top-level field of the reader's record, in the reader's
/// field order. Compiled once for each pair of schemas; immutable, safe to share between threads, allocates nothing
/// when reading and throws nothing for bad data.
/// </summary>
public sealed partial class RecordReader
{
    private readonly ResolvedNode _record;
    private readonly AvroLimits _limits;
    private readonly RecordOp[] _ops;
    private readonly AvroSlot[] _defaults;
    private readonly int[] _defaultIndexes;
    private readonly byte[]?[] _defaultBytes;
    private readonly int _maxBytes;

    private RecordReader(ResolvedNode record, AvroLimits limits)
    {
        _record = record;
        _limits = limits;
        _maxBytes = limits.MaxBytes;
        _ops = RecordOp.Compile(record);
        _defaults = new AvroSlot[record.Defaults.Length];
        _defaultIndexes = new int[record.Defaults.Length];
        _defaultBytes = new byte[]?[record.Reader.Fields.Count];
        CompileDefaults();
    }

    /// <summary>The record type that is read.</summary>
    public AvroSchema Reader => _record.Reader;

    /// <summary>The record type that was written.</summary>
    public AvroSchema Writer => _record.Writer;

    /// <summary>Slots that a caller provides: the reader's fields.</summary>
    public int SlotCount => _defaultBytes.Length;

    /// <summary>A step for each of the writer's fields, for code that reads the same bytes in another way.</summary>
    internal ReadOnlySpan<RecordOp> Ops => _ops;

    internal AvroLimits Limits => _limits;

    /// <summary>Indexes of the reader's fields that the writer lacks.</summary>
    internal ReadOnlySpan<int> DefaultedFields => _defaultIndexes;

    /// <summary>True if the default of a field that the writer lacks is null, or an empty map or array.</summary>
    internal bool IsNullOrEmptyDefault(int index)
    {
        var kind = _defaults[Array.IndexOf(_defaultIndexes, index)].Kind;
        return kind == AvroSlotKind.Null || (kind == AvroSlotKind.Default && _defaultBytes[index] is [0]
            && _record.Reader.Fields[index].Schema.Type is AvroType.Map or AvroType.Array);
    }

    /// <summary>Compiles a reader.</summary>
    /// <param name="writer">The record schema of the bytes.</param>
    /// <param name="reader">The record schema of the slots.</param>
    /// <param name="limits">Bounds on the input; null for <see cref="AvroLimits.Default"/>.</param>
    /// <exception cref="AvroException">The schemas are no records or do not resolve; the message says where.</exception>
    public static RecordReader Compile(AvroSchema writer, AvroSchema reader, AvroLimits? limits = null)
    {
        var resolution = AvroResolution.Compile(writer, reader);
        return resolution.Root.Kind == ResolvedKind.Record
            ? new RecordReader(resolution.Root, limits ?? AvroLimits.Default)
            : throw new AvroException($"A record reader needs two record schemas, not '{writer.FullName}' and '{reader.FullName}'.");
    }

    /// <summary>Reads a body that holds one record and nothing else.</summary>
    /// <param name="body">The Avro bytes.</param>
    /// <param name="slots">At least <see cref="SlotCount"/> slots; undefined content after a failure.</param>
    public AvroReadResult TryRead(ReadOnlySpan<byte> body, Span<AvroSlot> slots)
    {
        if (body.Length > _limits.MaxBodyBytes)
        {
            return new AvroReadResult(AvroErrorCode.BodyTooLarge, null, 0);
        }

        var result = TryReadAt(body, 0, slots, out var consumed);
        return result.IsOk && consumed != body.Length
            ? new AvroReadResult(AvroErrorCode.TrailingBytes, null, consumed)
            : result;
    }

    /// <summary>Reads one record that starts at an offset and may be followed by more.</summary>
    /// <param name="input">The Avro bytes.</param>
    /// <param name="offset">First byte of the record. Starts of slots count from the input's first byte.</param>
    /// <param name="slots">At least <see cref="SlotCount"/> slots; undefined content after a failure.</param>
    /// <param name="consumed">Bytes of the record.</param>
    public AvroReadResult TryReadAt(ReadOnlySpan<byte> input, int offset, Span<AvroSlot> slots, out int consumed)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)input.Length, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfLessThan(slots.Length, SlotCount, nameof(slots));
        consumed = 0;
        var position = offset;
        var error = Run(input, ref position, ref MemoryMarshal.GetReference(slots), out var failed);
        if (error != AvroErrorCode.None)
        {
            return new AvroReadResult(error, _record.Fields[failed].Name, position);
        }

        for (var i = 0; i < _defaults.Length; i++)
        {
            slots[_defaultIndexes[i]] = _defaults[i];
        }

        if (position - offset > _limits.MaxBodyBytes)
        {
            return new AvroReadResult(AvroErrorCode.BodyTooLarge, null, offset);
        }

        consumed = position - offset;
        return default;
    }

    /// <summary>The loop over the writer's fields. Locals only: the position lives in a register.</summary>
    private AvroErrorCode Run(ReadOnlySpan<byte> input, ref int offset, ref AvroSlot slots, out int failed)
    {
        ref var start = ref MemoryMarshal.GetReference(input);
        var end = input.Length;
        var position = offset;
        var maxBytes = _maxBytes;
        var itemsLeft = _limits.MaxItems;
        var error = AvroErrorCode.None;
        var ops = _ops;
        var i = 0;
        for (; i < ops.Length; i++)
        {
            ref readonly var op = ref ops[i];
            ref var slot = ref Unsafe.Add(ref slots, op.Slot);
            long value;
            int next;
            ushort branch = 0;
            if (op.IsNullable)
            {
                // Branch 0 or 1 is the byte 0 or 2, unless a writer pads its integers.
                var index = position < end ? Unsafe.Add(ref start, position) : (byte)0xFF;
                next = position + 1;
                if ((index & 0xFD) != 0)
                {
                    next = AvroVarint.Read(ref start, position, end, out value);
                    if (next < 0 || (ulong)value > 1)
                    {
                        error = next < 0 ? AvroVarint.Error(next) : AvroErrorCode.BadUnionIndex;
                        break;
                    }

                    index = (byte)(value * 2);
                }

                position = next;
                if (index == op.NullByte)
                {
                    slot.Kind = AvroSlotKind.Null;
                    continue;
                }
            }

        again:
            switch (op.Code)
            {
                case RecordOpCode.String or RecordOpCode.Bytes:
                    next = AvroVarint.Read(ref start, position, end, out value);
                    if (next < 0 || (ulong)value > (ulong)(end - next) || value > maxBytes)
                    {
                        error = next < 0 ? AvroVarint.Error(next) : AvroWalker.LengthError(value, maxBytes);
                        break;
                    }

                    if (op.Code == RecordOpCode.String && !IsUtf8(ref Unsafe.Add(ref start, next), (int)value))
                    {
                        error = AvroErrorCode.BadUtf8;
                        break;
                    }

                    slot.Kind = AvroSlotKind.Bytes;
                    slot.Length = (int)value;
                    slot.Start = next;
                    position = next + (int)value;
                    continue;
                case RecordOpCode.Long:
                    next = AvroVarint.Read(ref start, position, end, out value);
                    if (next < 0)
                    {
                        error = AvroVarint.Error(next);
                        break;
                    }

                    position = next;
                    slot.Kind = AvroSlotKind.Long;
                    slot.Long = value;
                    continue;
                case RecordOpCode.Enum:
                    next = AvroVarint.Read(ref start, position, end, out value);
                    var symbols = op.Symbols!;
                    if (next < 0 || (ulong)value >= (ulong)symbols.Length || symbols[(int)value] < 0)
                    {
                        error = next < 0 ? AvroVarint.Error(next)
                            : (ulong)value >= (ulong)symbols.Length ? AvroErrorCode.BadEnumIndex : AvroErrorCode.UnknownEnumSymbol;
                        break;
                    }

                    position = next;
                    slot.Kind = AvroSlotKind.Long;
                    slot.Long = symbols[(int)value];
                    continue;
                case RecordOpCode.Null:
                    slot.Kind = AvroSlotKind.Null;
                    continue;
                case RecordOpCode.Complex or RecordOpCode.Skip:
                    var walker = new AvroWalker(input, position, _limits, itemsLeft);
                    if (!walker.Walk(op.Node!))
                    {
                        error = walker.Error;
                        position = walker.Position;
                        break;
                    }

                    itemsLeft = walker.ItemsLeft;
                    if (op.Code == RecordOpCode.Complex)
                    {
                        slot.Kind = AvroSlotKind.Complex;
                        slot.Branch = branch;
                        slot.Length = walker.Position - position;
                        slot.Start = position;
                    }

                    position = walker.Position;
                    continue;
                case RecordOpCode.Branches:
                    next = AvroVarint.Read(ref start, position, end, out value);
                    if (next < 0 || (ulong)value >= (ulong)op.Branches!.Length)
                    {
                        error = next < 0 ? AvroVarint.Error(next) : AvroErrorCode.BadUnionIndex;
                        break;
                    }

                    position = next;
                    branch = (ushort)value;
                    op = ref op.Branches[value];
                    goto again;
                default:
                    var at = position;
                    error = Scalar(in op, input, ref at, ref slot);
                    position = at;
                    if (error != AvroErrorCode.None)
                    {
                        break;
                    }

                    continue;
            }

            break;
        }

        offset = position;
        failed = i;
        return error;
    }
}
