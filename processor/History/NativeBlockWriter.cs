using System.Globalization;

namespace Stockflow.History;

/// <summary>
/// Builds blocks of ClickHouse's Native format (https://clickhouse.com/docs/en/interfaces/formats/Native), column by column,
/// in buffers that are used again for the next block. Not safe for use from two threads at once.
/// </summary>
/// <remarks>
/// The server converts by the block's own types, so what is sent need not be the table's type. Checked on 26.7:
/// <list type="bullet">
/// <item>LowCardinality(String) of few values: send <see cref="Dictionary"/>.</item>
/// <item>LowCardinality(String), FixedString and Enum by name: send <see cref="String"/>; Enum by number: send Int8.</item>
/// <item>DateTime64(3): send <see cref="DateTime64"/>, raw ticks, with or without the time zone. Not Int64, which is read as seconds.</item>
/// <item>Decimal(18, 4): send <see cref="Decimal64"/>, raw ten-thousandths. Not Int64, which is read as whole units.</item>
/// <item>Map(LowCardinality(String), String): send <see cref="Map"/>.</item>
/// </list>
/// </remarks>
public sealed class NativeBlockWriter
{
    private readonly List<NativeColumn> _columns = [];
    private readonly List<string> _names = [];
    private readonly List<ReadOnlyMemory<byte>> _pieces = [];
    private readonly NativeBuffer _start = new();

    /// <summary>Names of the columns in the order in which they were added; what an INSERT lists.</summary>
    public IReadOnlyList<string> ColumnNames => _names;

    /// <summary>Rows of the first column.</summary>
    public int Rows => _columns.Count == 0 ? 0 : _columns[0].Rows;

    public NativeNumberColumn<byte> UInt8(string name) => Number<byte>(name, "UInt8");

    public NativeNumberColumn<ushort> UInt16(string name) => Number<ushort>(name, "UInt16");

    public NativeNumberColumn<uint> UInt32(string name) => Number<uint>(name, "UInt32");

    public NativeNumberColumn<ulong> UInt64(string name) => Number<ulong>(name, "UInt64");

    public NativeNumberColumn<sbyte> Int8(string name) => Number<sbyte>(name, "Int8");

    public NativeNumberColumn<short> Int16(string name) => Number<short>(name, "Int16");

    public NativeNumberColumn<int> Int32(string name) => Number<int>(name, "Int32");

    public NativeNumberColumn<long> Int64(string name) => Number<long>(name, "Int64");

    public NativeNumberColumn<double> Float64(string name) => Number<double>(name, "Float64");

    public NativeNumberColumn<long> NullableInt64(string name) => Number<long>(name, "Int64", nullable: true);

    public NativeNumberColumn<double> NullableFloat64(string name) => Number<double>(name, "Float64", nullable: true);

    /// <summary>Ticks since 1970-01-01 UTC; milliseconds with a scale of 3.</summary>
    public NativeNumberColumn<long> DateTime64(string name, int scale = 3) => Number<long>(name, Scaled("DateTime64", scale));

    /// <summary>Ticks since 1970-01-01 UTC or NULL.</summary>
    public NativeNumberColumn<long> NullableDateTime64(string name, int scale = 3) => Number<long>(name, Scaled("DateTime64", scale), nullable: true);

    /// <summary>Up to 18 digits, as units of 10^-scale: 12345 is 1.2345 with a scale of 4.</summary>
    public NativeNumberColumn<long> Decimal64(string name, int scale) => Number<long>(name, Scaled("Decimal64", scale));

    /// <summary>As <see cref="Decimal64"/>, or NULL.</summary>
    public NativeNumberColumn<long> NullableDecimal64(string name, int scale) => Number<long>(name, Scaled("Decimal64", scale), nullable: true);

    public NativeStringColumn String(string name) => Add(new NativeStringColumn(name));

    /// <summary>Text of at most 256 values in a block.</summary>
    public NativeDictionaryColumn Dictionary(string name) => Add(new NativeDictionaryColumn(name));

    public NativeListColumn StringArray(string name) => Add(new NativeListColumn(name, "Array(String)", pairs: false));

    public NativeListColumn Map(string name) => Add(new NativeListColumn(name, "Map(String, String)", pairs: true));

    /// <summary>Ordered pairs in which a key may stand twice, Kafka headers for example.</summary>
    public NativeListColumn PairArray(string name) => Add(new NativeListColumn(name, "Array(Tuple(String, String))", pairs: true));

    /// <summary>The block's bytes, in pieces that stay valid until the next append or <see cref="Clear"/>. Empty without rows.</summary>
    /// <exception cref="InvalidOperationException">The columns have different numbers of rows.</exception>
    public IReadOnlyList<ReadOnlyMemory<byte>> Build()
    {
        _pieces.Clear();
        if (Rows == 0)
        {
            return _pieces;
        }

        _start.Clear();
        _start.WriteVarInt((ulong)_columns.Count);
        _start.WriteVarInt((ulong)Rows);
        _start.AddTo(_pieces);
        foreach (var column in _columns)
        {
            if (column.Rows != Rows)
            {
                throw new InvalidOperationException($"column {column.Name} has {column.Rows} rows, {_columns[0].Name} has {Rows}");
            }

            column.AddTo(_pieces);
        }

        return _pieces;
    }

    /// <summary>Forgets the rows and keeps columns and buffers.</summary>
    public void Clear()
    {
        _pieces.Clear();
        foreach (var column in _columns)
        {
            column.Clear();
        }
    }

    private static string Scaled(string type, int scale) => string.Create(CultureInfo.InvariantCulture, $"{type}({scale})");

    private NativeNumberColumn<T> Number<T>(string name, string type, bool nullable = false)
        where T : unmanaged => Add(new NativeNumberColumn<T>(name, type, nullable));

    private T Add<T>(T column)
        where T : NativeColumn
    {
        _columns.Add(column);
        _names.Add(column.Name);
        return column;
    }
}
