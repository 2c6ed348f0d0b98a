namespace Stockflow.Avro;

/// <summary>
/// Steps over the entries of a map of strings or bytes (also of decimals as bytes), as found in a slot of kind Complex
/// or Default. Allocates nothing. The range was checked when the record was read; on other bytes it ends early.
/// </summary>
public ref struct AvroMapCursor
{
    private readonly ReadOnlySpan<byte> _range;
    private int _position;
    private long _left;
    private (int Start, int Length) _key;
    private (int Start, int Length) _value;

    /// <summary>Creates a cursor over <see cref="RecordReader.Bytes"/> of a map field.</summary>
    public AvroMapCursor(ReadOnlySpan<byte> range)
    {
        _range = range;
    }

    /// <summary>The entry's key, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> Key => _range.Slice(_key.Start, _key.Length);

    /// <summary>The entry's value: UTF-8 of a string, or bytes.</summary>
    public readonly ReadOnlySpan<byte> Value => _range.Slice(_value.Start, _value.Length);

    /// <summary>Goes to the next entry; false at the end.</summary>
    public bool MoveNext() =>
        AvroArrayCursor.NextItem(_range, ref _position, ref _left)
        && AvroArrayCursor.TryBytes(_range, ref _position, out _key)
        && AvroArrayCursor.TryBytes(_range, ref _position, out _value);
}

/// <summary>
/// Steps over the items of an array (or, with <see cref="TryReadBytes"/> for each key, a map of records) as found in a
/// slot of kind Complex or Default. After each <see cref="MoveNext"/> the caller takes the item: by
/// <see cref="TryReadBytes"/>, <see cref="TryReadLong"/>, or by <see cref="RecordReader.TryReadAt"/> at
/// <see cref="Position"/> followed by <see cref="Advance"/>. Allocates nothing.
/// </summary>
public ref struct AvroArrayCursor
{
    private readonly ReadOnlySpan<byte> _range;
    private int _position;
    private long _left;

    /// <summary>Creates a cursor over <see cref="RecordReader.Bytes"/> of an array field.</summary>
    public AvroArrayCursor(ReadOnlySpan<byte> range)
    {
        _range = range;
    }

    /// <summary>First byte of the item within <see cref="Range"/>.</summary>
    public readonly int Position => _position;

    /// <summary>The bytes that positions count in.</summary>
    public readonly ReadOnlySpan<byte> Range => _range;

    /// <summary>Goes to the next item; false at the end.</summary>
    public bool MoveNext() => NextItem(_range, ref _position, ref _left);

    /// <summary>Steps over bytes that the caller has read.</summary>
    public void Advance(int bytes) => _position += bytes;

    /// <summary>Takes a string or bytes item.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> value)
    {
        var good = TryBytes(_range, ref _position, out var found);
        value = good ? _range.Slice(found.Start, found.Length) : default;
        return good;
    }

    /// <summary>Takes an int, long, enum index, date or timestamp item, in the writer's terms.</summary>
    public bool TryReadLong(out long value) => AvroVarint.TryRead(_range, ref _position, out value);

    internal static bool NextItem(ReadOnlySpan<byte> range, ref int position, ref long left)
    {
        if (left == 0)
        {
            if (!AvroVarint.TryRead(range, ref position, out left) || left == long.MinValue)
            {
                left = 0;
                return false;
            }

            if (left < 0)
            {
                left = -left;
                if (!AvroVarint.TryRead(range, ref position, out _))
                {
                    left = 0;
                    return false;
                }
            }

            if (left == 0)
            {
                // Stays at the end however often it is asked.
                position = range.Length;
                return false;
            }
        }

        left--;
        return true;
    }

    internal static bool TryBytes(ReadOnlySpan<byte> range, ref int position, out (int Start, int Length) value)
    {
        value = default;
        if (!AvroVarint.TryRead(range, ref position, out var length) || (ulong)length > (ulong)(range.Length - position))
        {
            return false;
        }

        value = (position, (int)length);
        position += (int)length;
        return true;
    }
}
