using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Stockflow.History;

/// <summary>
/// A byte buffer that grows by pieces and keeps them for the next block: nothing is copied, and it holds what the largest block took.
/// </summary>
internal sealed class NativeBuffer
{
    private const int FirstPieceBytes = 4096, PieceBytes = 128 * 1024;
    private readonly List<Piece> pieces = [];
    private byte[] bytes = [];
    private int used, current = -1;

    /// <summary>Room for <paramref name="count"/> bytes, which count as written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Take(int count)
    {
        if (bytes.Length - used < count)
        {
            Open(count);
        }

        var span = bytes.AsSpan(used, count);
        used += count;
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

    /// <summary>What was written, valid until the next call.</summary>
    public void AddTo(List<ReadOnlyMemory<byte>> list)
    {
        Close();
        for (var i = 0; i <= current; i++)
        {
            list.Add(pieces[i].Bytes.AsMemory(0, pieces[i].Used));
        }
    }

    public void Clear()
    {
        current = -1;
        bytes = [];
        used = 0;
    }

    // A piece is left with what it has: the next value may have no room in it.
    private void Open(int count)
    {
        Close();
        current++;
        if (current == pieces.Count)
        {
            pieces.Add(default);
        }

        if (pieces[current].Bytes is not { } kept || kept.Length < count)
        {
            pieces[current] = new Piece(new byte[Math.Max(current == 0 ? FirstPieceBytes : PieceBytes, count)], 0);
        }

        bytes = pieces[current].Bytes;
        used = 0;
    }

    private void Close()
    {
        if (current >= 0)
        {
            pieces[current] = new Piece(bytes, used);
        }
    }

    private readonly record struct Piece(byte[] Bytes, int Used);
}

/// <summary>One column of a block under construction.</summary>
public abstract class NativeColumn
{
    private readonly List<ReadOnlyMemory<byte>> _header = [];

    private protected NativeColumn(string name, string type)
    {
        Name = name;
        Type = type;
        var header = new NativeBuffer();
        header.WriteString(Encoding.UTF8.GetBytes(name));
        header.WriteString(Encoding.UTF8.GetBytes(type));
        header.AddTo(_header);
    }

    public string Name { get; }

    /// <summary>The type that is sent; the server converts it to the table's.</summary>
    public string Type { get; }

    /// <summary>Rows written.</summary>
    public int Rows { get; private protected set; }

    internal void AddTo(List<ReadOnlyMemory<byte>> pieces)
    {
        pieces.AddRange(_header);
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
    public void Append(T value) => Append(value, isNull: 0);

    /// <exception cref="InvalidOperationException">The column is not nullable.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AppendNull()
    {
        if (_nulls is null)
        {
            throw NotNullable();
        }

        Append(default, isNull: 1);
    }

    internal override void Clear()
    {
        _values.Clear();
        _nulls?.Clear();
        Rows = 0;
    }

    private protected override void AddDataTo(List<ReadOnlyMemory<byte>> pieces)
    {
        _nulls?.AddTo(pieces);
        _values.AddTo(pieces);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Append(T value, byte isNull)
    {
        MemoryMarshal.Write(_values.Take(Unsafe.SizeOf<T>()), in value);
        if (_nulls is not null)
        {
            _nulls.Take(1)[0] = isNull;
        }

        Rows++;
    }

    private InvalidOperationException NotNullable() => new($"column {Name} is {Type}: it takes no NULL");
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

    internal override void Clear()
    {
        _values.Clear();
        Rows = 0;
    }

    private protected override void AddDataTo(List<ReadOnlyMemory<byte>> pieces) => _values.AddTo(pieces);
}

/// <summary>
/// A column of text of few values, LowCardinality(String): each value once, and a byte a row. The server takes it as it is where the table's column is
/// of that type, and looks no row's text up.
/// </summary>
public sealed class NativeDictionaryColumn : NativeColumn
{
    private const ulong Version = 1, ByteIndexes = 0, HasOwnKeys = 1 << 9, NewDictionary = 1 << 10;
    private readonly NativeBuffer _start = new(), _values = new(), _count = new(), _indexes = new();
    private readonly List<byte[]> _known = [];

    internal NativeDictionaryColumn(string name)
        : base(name, "LowCardinality(String)")
    {
    }

    /// <summary>Appends a value, which is not changed afterwards: the same array is known by itself.</summary>
    /// <exception cref="InvalidOperationException">A block has more than 256 values.</exception>
    public void Append(byte[] value)
    {
        var index = _known.Count - 1;
        while (index >= 0 && !ReferenceEquals(_known[index], value) && !_known[index].AsSpan().SequenceEqual(value))
        {
            index--;
        }

        if (index < 0)
        {
            index = Add(value);
        }

        _indexes.Take(1)[0] = (byte)index;
        Rows++;
    }

    internal override void Clear()
    {
        _known.Clear();
        _values.Clear();
        _indexes.Clear();
        Rows = 0;
    }

    private protected override void AddDataTo(List<ReadOnlyMemory<byte>> pieces)
    {
        _start.Clear();
        _count.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(_start.Take(8), Version);
        BinaryPrimitives.WriteUInt64LittleEndian(_start.Take(8), ByteIndexes | HasOwnKeys | NewDictionary);
        BinaryPrimitives.WriteUInt64LittleEndian(_start.Take(8), (ulong)_known.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(_count.Take(8), (ulong)Rows);
        _start.AddTo(pieces);
        _values.AddTo(pieces);
        _count.AddTo(pieces);
        _indexes.AddTo(pieces);
    }

    private int Add(byte[] value)
    {
        if (_known.Count > byte.MaxValue)
        {
            throw new InvalidOperationException($"column {Name} has more than 256 values in a block: use a column of text");
        }

        _known.Add(value);
        _values.WriteString(value);
        return _known.Count - 1;
    }
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
        _ends.AddTo(pieces);
        _first.AddTo(pieces);
        _second?.AddTo(pieces);
    }
}
