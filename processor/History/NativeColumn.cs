using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Stockflow.History;

/// <summary>A growing byte buffer from the shared pool that keeps its array between blocks.</summary>
internal sealed class NativeBuffer : IDisposable
{
    private byte[] _bytes = [];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    /// <summary>Room for <paramref name="count"/> bytes, which count as written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Take(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Grow(count);
        }

        var span = _bytes.AsSpan(Length, count);
        Length += count;
        return span;
    }

    /// <summary>Unsigned LEB128, as ClickHouse writes lengths.</summary>
    public void WriteVarInt(ulong value)
    {
        while (value > 127)
        {
            Take(1)[0] = (byte)(value | 0x80);
            value >>= 7;
        }

        Take(1)[0] = (byte)value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteString(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > 127)
        {
            WriteVarInt((ulong)utf8.Length);
            utf8.CopyTo(Take(utf8.Length));
            return;
        }

        var target = Take(1 + utf8.Length);
        target[0] = (byte)utf8.Length;
        utf8.CopyTo(target[1..]);
    }

    public void Clear() => Length = 0;

    public void Dispose()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }

        Length = 0;
    }

    private void Grow(int count)
    {
        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(4096, Math.Max(checked(Length + count), _bytes.Length * 2)));
        _bytes.AsSpan(0, Length).CopyTo(grown);
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = grown;
    }
}

/// <summary>One column of a block under construction.</summary>
public abstract class NativeColumn : IDisposable
{
    private readonly byte[] _header;

    private protected NativeColumn(string name, string type)
    {
        Name = name;
        Type = type;
        using var header = new NativeBuffer();
        header.WriteString(Encoding.UTF8.GetBytes(name));
        header.WriteString(Encoding.UTF8.GetBytes(type));
        _header = header.Memory.ToArray();
    }

    public string Name { get; }

    /// <summary>The type that is sent; the server converts it to the table's.</summary>
    public string Type { get; }

    /// <summary>Rows written.</summary>
    public int Rows { get; private protected set; }

    public abstract void Dispose();

    internal void AddTo(List<ReadOnlyMemory<byte>> pieces)
    {
        pieces.Add(_header);
        AddDataTo(pieces);
    }

    internal abstract void Clear();

    private protected abstract void AddDataTo(List<ReadOnlyMemory<byte>> pieces);
}

/// <summary>A column of numbers of one width, little-endian.</summary>
public sealed class NativeNumberColumn<T> : NativeColumn
    where T : unmanaged
{
    private readonly NativeBuffer _values = new();
    private readonly NativeBuffer? _nulls;

    internal NativeNumberColumn(string name, string type, bool nullable)
        : base(name, nullable ? $"Nullable({type})" : type)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("ClickHouse's Native format is written on little-endian machines only");
        }

        _nulls = nullable ? new NativeBuffer() : null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(T value)
    {
        MemoryMarshal.Write(_values.Take(Unsafe.SizeOf<T>()), in value);
        if (_nulls is not null)
        {
            _nulls.Take(1)[0] = 0;
        }

        Rows++;
    }

    /// <exception cref="InvalidOperationException">The column is not nullable.</exception>
    public void AppendNull()
    {
        if (_nulls is null)
        {
            throw new InvalidOperationException($"column {Name} is {Type}: it takes no NULL");
        }

        Append(default);
        // Append has marked the row as a value.
        MemoryMarshal.AsMemory(_nulls.Memory).Span[^1] = 1;
    }

    public override void Dispose()
    {
        _values.Dispose();
        _nulls?.Dispose();
    }

    internal override void Clear()
    {
        _values.Clear();
        _nulls?.Clear();
        Rows = 0;
    }

    private protected override void AddDataTo(List<ReadOnlyMemory<byte>> pieces)
    {
        if (_nulls is not null)
        {
            pieces.Add(_nulls.Memory);
        }

        pieces.Add(_values.Memory);
    }
}

/// <summary>A column of strings: any bytes, with their length.</summary>
public sealed class NativeStringColumn : NativeColumn
{
    private readonly NativeBuffer _values = new();

    internal NativeStringColumn(string name)
        : base(name, "String")
    {
    }

    public void Append(ReadOnlySpan<byte> value)
    {
        _values.WriteString(value);
        Rows++;
    }

    public void Append(string value) => Append(Encoding.UTF8.GetBytes(value));

    public override void Dispose() => _values.Dispose();

    internal override void Clear()
    {
        _values.Clear();
        Rows = 0;
    }

    private protected override void AddDataTo(List<ReadOnlyMemory<byte>> pieces) => pieces.Add(_values.Memory);
}

/// <summary>
/// A column of lists of text, or of pairs of text: Array(String), Map(String, String), Array(Tuple(String, String)).
/// Its items are appended first; <see cref="EndRow"/> makes a row of those since the last one.
/// </summary>
public sealed class NativeListColumn : NativeColumn
{
    private readonly NativeBuffer _ends = new();
    private readonly NativeBuffer _first = new();
    private readonly NativeBuffer? _second;
    private ulong _items;

    internal NativeListColumn(string name, string type, bool pairs)
        : base(name, type) => _second = pairs ? new NativeBuffer() : null;

    /// <summary>Appends an item of an Array(String).</summary>
    public void Append(ReadOnlySpan<byte> item)
    {
        if (_second is not null)
        {
            throw new InvalidOperationException($"column {Name} is {Type}: append a pair");
        }

        _first.WriteString(item);
        _items++;
    }

    /// <summary>Appends an entry of a map.</summary>
    public void Append(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (_second is null)
        {
            throw new InvalidOperationException($"column {Name} is {Type}: append one item");
        }

        _first.WriteString(key);
        _second.WriteString(value);
        _items++;
    }

    public void EndRow()
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_ends.Take(8), _items);
        Rows++;
    }

    public override void Dispose()
    {
        _ends.Dispose();
        _first.Dispose();
        _second?.Dispose();
    }

    internal override void Clear()
    {
        _ends.Clear();
        _first.Clear();
        _second?.Clear();
        _items = 0;
        Rows = 0;
    }

    private protected override void AddDataTo(List<ReadOnlyMemory<byte>> pieces)
    {
        pieces.Add(_ends.Memory);
        pieces.Add(_first.Memory);
        if (_second is not null)
        {
            pieces.Add(_second.Memory);
        }
    }
}
