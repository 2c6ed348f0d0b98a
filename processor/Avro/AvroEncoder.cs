using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Stockflow.Avro;

/// <summary>
/// Writes Avro binary into a buffer that it owns and grows; nothing is allocated once the buffer has its size.
/// The caller writes the values in schema order; nothing is checked against a schema. Not thread-safe.
/// </summary>
public sealed class AvroEncoder
{
    private byte[] _buffer;
    private int _length;

    /// <summary>Creates an encoder with a first buffer size in bytes.</summary>
    public AvroEncoder(int initialBytes = 256)
    {
        _buffer = new byte[Math.Max(16, initialBytes)];
    }

    /// <summary>Bytes written so far.</summary>
    public int Length => _length;

    /// <summary>What was written; valid until the next write or <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> WrittenSpan => _buffer.AsSpan(0, _length);

    /// <summary>What was written; valid until the next write or <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _buffer.AsMemory(0, _length);

    /// <summary>Values written by the default encoder, to bound its work.</summary>
    internal int Steps { get; set; }

    /// <summary>Forgets what was written and keeps the buffer.</summary>
    public void Clear() => _length = 0;

    /// <summary>Forgets what was written behind a length, such as a record that could not be finished.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)_length, nameof(length));
        _length = length;
    }

    /// <summary>A null is written as nothing.</summary>
    [SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "One writer per Avro type.")]
    public void WriteNull()
    {
    }

    /// <summary>Writes a boolean.</summary>
    public void WriteBoolean(bool value) => Reserve(1)[0] = value ? (byte)1 : (byte)0;

    /// <summary>Writes an int, an enum's symbol index or a date.</summary>
    public void WriteInt(int value) => WriteLong(value);

    /// <summary>Writes the index of a union's branch.</summary>
    public void WriteUnionIndex(int index) => WriteLong(index);

    /// <summary>Writes a long or a timestamp, zig-zag encoded.</summary>
    public void WriteLong(long value)
    {
        if (_buffer.Length - _length < 10)
        {
            Grow(10);
        }

        var rest = (ulong)((value << 1) ^ (value >> 63));
        var buffer = _buffer;
        var position = _length;
        while (rest > 0x7F)
        {
            buffer[position++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        buffer[position++] = (byte)rest;
        _length = position;
    }

    /// <summary>Writes a float.</summary>
    public void WriteFloat(float value) => BinaryPrimitives.WriteSingleLittleEndian(Reserve(4), value);

    /// <summary>Writes a double.</summary>
    public void WriteDouble(double value) => BinaryPrimitives.WriteDoubleLittleEndian(Reserve(8), value);

    /// <summary>Writes a string; lone surrogates become U+FFFD.</summary>
    public void WriteString(ReadOnlySpan<char> value)
    {
        var size = Encoding.UTF8.GetByteCount(value);
        WriteLong(size);
        Encoding.UTF8.GetBytes(value, Reserve(size));
    }

    /// <summary>Writes a string that is UTF-8 already; its validity is the caller's promise.</summary>
    public void WriteUtf8(ReadOnlySpan<byte> value) => WriteBytes(value);

    /// <summary>Writes bytes with their length.</summary>
    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteLong(value.Length);
        value.CopyTo(Reserve(value.Length));
    }

    /// <summary>Writes a fixed: the bytes alone.</summary>
    public void WriteFixed(ReadOnlySpan<byte> value) => value.CopyTo(Reserve(value.Length));

    /// <summary>Starts a block of an array or a map; after the last block <see cref="WriteBlockEnd"/> is due.</summary>
    public void WriteBlockStart(long count) => WriteLong(count);

    /// <summary>Ends an array or a map.</summary>
    public void WriteBlockEnd() => Reserve(1)[0] = 0;

    /// <summary>
    /// Writes a decimal as bytes: the value times 10^<paramref name="scale"/> as the shortest two's complement
    /// big-endian integer. False, and nothing written, if the value has more digits after the point than the
    /// scale or does not fit 128 bits.
    /// </summary>
    public bool TryWriteDecimal(decimal value, int scale)
    {
        Span<byte> raw = stackalloc byte[16];
        if (!AvroDecimal.TryToUnscaled(value, scale, out var unscaled))
        {
            return false;
        }

        BinaryPrimitives.WriteInt128BigEndian(raw, unscaled);
        WriteBytes(AvroDecimal.Shortest(raw));
        return true;
    }

    private Span<byte> Reserve(int size)
    {
        if (_buffer.Length - _length < size)
        {
            Grow(size);
        }

        var span = _buffer.AsSpan(_length, size);
        _length += size;
        return span;
    }

    private void Grow(int size) => Array.Resize(ref _buffer, Math.Max(checked(_length + size), (int)Math.Min(_buffer.Length * 2L, Array.MaxLength)));
}
