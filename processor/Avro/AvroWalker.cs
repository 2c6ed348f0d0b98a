using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Stockflow.Avro;

/// <summary>
/// Steps over values and checks them in full: lengths, UTF-8, indexes, block sizes, nesting and counts. Allocates
/// nothing; a failure leaves <see cref="Error"/>, <see cref="Position"/> and the innermost <see cref="Field"/>.
/// </summary>
internal ref struct AvroWalker
{
    private readonly ReadOnlySpan<byte> _body;
    private readonly AvroLimits _limits;
    private int _depth;

    public AvroWalker(ReadOnlySpan<byte> body, int position, AvroLimits limits, int itemsLeft)
    {
        _body = body;
        _limits = limits;
        Position = position;
        ItemsLeft = itemsLeft;
    }

    public int Position { get; private set; }

    /// <summary>How many more items the body may have.</summary>
    public int ItemsLeft { get; private set; }

    public AvroErrorCode Error { get; private set; }

    public string? Field { get; private set; }

    public bool Walk(ResolvedNode node)
    {
        switch (node.Kind)
        {
            case ResolvedKind.Null:
                return true;
            case ResolvedKind.Boolean:
                return Position >= _body.Length ? Fail(AvroErrorCode.Truncated)
                    : _body[Position] <= 1 ? Advance(1) : Fail(AvroErrorCode.BadBoolean);
            case ResolvedKind.Int or ResolvedKind.IntToLong or ResolvedKind.IntToFloat or ResolvedKind.IntToDouble:
                return TryInt(out _);
            case ResolvedKind.Long or ResolvedKind.LongToFloat or ResolvedKind.LongToDouble or ResolvedKind.MicrosToMillis:
                return TryLong(out _);
            case ResolvedKind.MillisToMicros:
                return node.Writer.Type == AvroType.Int ? TryInt(out _)
                    : TryLong(out var millis) && (millis is >= long.MinValue / 1000 and <= long.MaxValue / 1000 || Fail(AvroErrorCode.TimestampOverflow));
            case ResolvedKind.Float or ResolvedKind.FloatToDouble:
                return Advance(4);
            case ResolvedKind.Double:
                return Advance(8);
            case ResolvedKind.Bytes or ResolvedKind.StringToBytes:
                return TryLength(out var length) && Advance(length);
            case ResolvedKind.String or ResolvedKind.BytesToString:
                return TryLength(out var size) && (Utf8.IsValid(_body.Slice(Position, size)) || Fail(AvroErrorCode.BadUtf8)) && Advance(size);
            case ResolvedKind.Fixed:
                return Advance(node.Writer.Size);
            case ResolvedKind.Enum:
                return TryIndex(node.Symbols.Length, AvroErrorCode.BadEnumIndex, out var symbol)
                    && (node.Symbols[symbol] >= 0 || Fail(AvroErrorCode.UnknownEnumSymbol));
            case ResolvedKind.Unreadable:
                return Fail(AvroErrorCode.UnreadableUnionBranch);
            case ResolvedKind.ReaderUnion:
                return Walk(node.Children[0]);
            default:
                return WalkNested(node);
        }
    }

    private bool WalkNested(ResolvedNode node)
    {
        if (_depth >= _limits.MaxDepth)
        {
            return Fail(AvroErrorCode.TooDeep);
        }

        _depth++;
        var good = node.Kind switch
        {
            ResolvedKind.WriterUnion => TryIndex(node.Children.Length, AvroErrorCode.BadUnionIndex, out var branch) && Walk(node.Children[branch]),
            ResolvedKind.Record => WalkRecord(node),
            _ => WalkBlocks(node),
        };
        _depth--;
        return good;
    }

    private bool WalkRecord(ResolvedNode node)
    {
        // Records of no bytes can multiply without end, so each one is charged.
        if (!Charge(1))
        {
            return false;
        }

        foreach (ref readonly var field in node.Fields.AsSpan())
        {
            if (!Walk(field.Node))
            {
                Field ??= field.Name;
                return false;
            }
        }

        return true;
    }

    private bool WalkBlocks(ResolvedNode node)
    {
        var item = node.Children[0];
        var map = node.Kind == ResolvedKind.Map;
        while (true)
        {
            if (!TryLong(out var count))
            {
                return false;
            }

            if (count == 0)
            {
                return true;
            }

            long size = -1;
            if (count < 0)
            {
                if (count == long.MinValue)
                {
                    return Fail(AvroErrorCode.NegativeLength);
                }

                count = -count;
                if (!TryLong(out size))
                {
                    return false;
                }

                if (size < 0)
                {
                    return Fail(AvroErrorCode.NegativeLength);
                }
            }

            if (!Charge(count))
            {
                return false;
            }

            // Fewer bytes left than the items need at least: refused before any is looked at.
            var least = count * (item.MinBytes + (map ? 1L : 0L));
            if (Math.Max(least, size) > _body.Length - Position)
            {
                return Fail(AvroErrorCode.Truncated);
            }

            var first = Position;
            for (; count > 0; count--)
            {
                if ((map && !WalkKey()) || !Walk(item))
                {
                    return false;
                }
            }

            if (size >= 0 && Position - first != size)
            {
                return Fail(AvroErrorCode.BadBlockSize);
            }
        }
    }

    private bool WalkKey() =>
        TryLength(out var size) && (Utf8.IsValid(_body.Slice(Position, size)) || Fail(AvroErrorCode.BadUtf8)) && Advance(size);

    private bool Charge(long count)
    {
        if (count > ItemsLeft)
        {
            return Fail(AvroErrorCode.TooManyItems);
        }

        ItemsLeft -= (int)count;
        return true;
    }

    private bool TryLong(out long value)
    {
        var next = AvroVarint.Read(ref MemoryMarshal.GetReference(_body), Position, _body.Length, out value);
        if (next < 0)
        {
            return Fail(AvroVarint.Error(next));
        }

        Position = next;
        return true;
    }

    private bool TryInt(out long value)
    {
        var start = Position;
        if (!TryLong(out value))
        {
            return false;
        }

        if (value == (int)value)
        {
            return true;
        }

        Position = start;
        return Fail(AvroErrorCode.BadVarint);
    }

    private bool TryIndex(int count, AvroErrorCode error, out int index)
    {
        var start = Position;
        index = 0;
        if (!TryLong(out var value))
        {
            return false;
        }

        if ((ulong)value >= (ulong)count)
        {
            Position = start;
            return Fail(error);
        }

        index = (int)value;
        return true;
    }

    private bool TryLength(out int length)
    {
        length = 0;
        if (!TryLong(out var value))
        {
            return false;
        }

        if ((ulong)value > (ulong)Math.Min(_limits.MaxBytes, _body.Length - Position))
        {
            return Fail(LengthError(value, _limits.MaxBytes));
        }

        length = (int)value;
        return true;
    }

    internal static AvroErrorCode LengthError(long length, int maxBytes) =>
        length < 0 ? AvroErrorCode.NegativeLength : length > maxBytes ? AvroErrorCode.TooLong : AvroErrorCode.Truncated;

    private bool Advance(int size)
    {
        if (size > _body.Length - Position)
        {
            return Fail(AvroErrorCode.Truncated);
        }

        Position += size;
        return true;
    }

    private bool Fail(AvroErrorCode error)
    {
        Error = error;
        return false;
    }
}
