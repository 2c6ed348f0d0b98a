using Stockflow.History;
using Xunit;

namespace Stockflow.Tests.History;

public sealed class NativeBlockWriterTests
{
    [Fact]
    public void A_block_starts_with_the_number_of_columns_and_rows()
    {
        var block = new NativeBlockWriter();
        var column = block.UInt8("a");
        for (var i = 0; i < 300; i++)
        {
            column.Append(7);
        }

        var bytes = Bytes(block);

        Assert.Equal("01AC02", Convert.ToHexString(bytes, 0, 3));
        Assert.Equal(3 + Header("a", "UInt8").Length / 2 + 300, bytes.Length);
    }

    [Fact]
    public void Numbers_are_little_endian() => Check(block =>
    {
        block.Int64("n").Append(-2);
        block.Int32("i").Append(1);
        block.Int16("s").Append(-1);
        block.Int8("b").Append(-1);
        block.UInt64("u").Append(ulong.MaxValue);
        block.UInt32("w").Append(2);
        block.UInt16("h").Append(513);
        block.Float64("f").Append(1);
    },
    "0801" + Header("n", "Int64") + "FEFFFFFFFFFFFFFF" + Header("i", "Int32") + "01000000" + Header("s", "Int16") + "FFFF" + Header("b", "Int8") + "FF"
        + Header("u", "UInt64") + "FFFFFFFFFFFFFFFF" + Header("w", "UInt32") + "02000000" + Header("h", "UInt16") + "0102" + Header("f", "Float64") + "000000000000F03F");

    [Fact]
    public void Text_has_its_length_in_bytes_before_it() => Check(block =>
    {
        var column = block.String("t");
        column.Append("é");
        column.Append([]);
        column.Append([0, 255]);
    },
    "0103" + Header("t", "String") + "02C3A9" + "00" + "0200FF");

    [Fact]
    public void A_nullable_column_has_its_null_flags_first() => Check(block =>
    {
        var column = block.NullableInt64("n");
        column.Append(5);
        column.AppendNull();
    },
    "0102" + Header("n", "Nullable(Int64)") + "0001" + "0500000000000000" + "0000000000000000");

    [Fact]
    public void Times_and_decimals_are_ticks_and_units() => Check(block =>
    {
        block.DateTime64("t").Append(1);
        block.Decimal64("d", 4).Append(12345);
        block.NullableDecimal64("m", 4).AppendNull();
    },
    "0301" + Header("t", "DateTime64(3)") + "0100000000000000" + Header("d", "Decimal64(4)") + "3930000000000000"
        + Header("m", "Nullable(Decimal64(4))") + "01" + "0000000000000000");

    [Fact]
    public void A_map_has_its_row_ends_then_keys_then_values() => Check(block =>
    {
        var column = block.Map("m");
        column.Append("a"u8, "b"u8);
        column.EndRow();
        column.EndRow();
        column.Append("c"u8, "d"u8);
        column.Append("e"u8, "f"u8);
        column.EndRow();
    },
    "0103" + Header("m", "Map(String, String)") + "0100000000000000" + "0100000000000000" + "0300000000000000" + "016101630165" + "016201640166");

    [Fact]
    public void An_array_has_its_row_ends_then_items() => Check(block =>
    {
        var column = block.StringArray("a");
        column.EndRow();
        column.Append("x"u8);
        column.EndRow();
    },
    "0102" + Header("a", "Array(String)") + "0000000000000000" + "0100000000000000" + "0178");

    [Fact]
    public void A_dictionary_has_each_value_once_then_a_byte_a_row() => Check(block =>
    {
        var column = block.Dictionary("k");
        foreach (var value in new[] { "x"u8.ToArray(), "yz"u8.ToArray(), "x"u8.ToArray() })
        {
            column.Append(value);
        }
    },
    "0103" + Header("k", "LowCardinality(String)") + "0100000000000000" + "0006000000000000" + "0200000000000000" + "0178" + "02797A"
        + "0300000000000000" + "000100");

    [Fact]
    public void Columns_of_different_length_are_refused_by_name()
    {
        var block = new NativeBlockWriter();
        block.Int64("a").Append(1);
        block.Int64("b");

        var failure = Assert.Throws<InvalidOperationException>(block.Build);

        Assert.Contains("b has 0 rows, a has 1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misuse_of_a_column_is_refused_by_name()
    {
        var block = new NativeBlockWriter();
        Assert.Throws<InvalidOperationException>(block.Int64("a").AppendNull);
        Assert.Throws<InvalidOperationException>(() => block.Map("m").Append("x"u8));
        Assert.Throws<InvalidOperationException>(() => block.StringArray("s").Append("x"u8, "y"u8));
        var dictionary = block.Dictionary("k");
        var values = Enumerable.Range(0, 257).Select(BitConverter.GetBytes).ToArray();
        Assert.All(values[..256], dictionary.Append);
        Assert.Contains("column k has more than 256 values", Assert.Throws<InvalidOperationException>(() => dictionary.Append(values[256])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_without_rows_is_empty()
    {
        var block = new NativeBlockWriter();
        block.Int64("a");

        Assert.Empty(block.Build());
    }

    [Fact]
    public void Blocks_after_the_first_allocate_nothing()
    {
        var block = new NativeBlockWriter();
        var number = block.NullableInt64("n");
        var text = block.String("t");
        var map = block.Map("m");
        var (few, value) = (block.Dictionary("k"), "a value"u8.ToArray());
        Fill(200);

        Assert.Equal(0, Allocations.Least(() => Fill(200)));

        void Fill(int rows)
        {
            block.Clear();
            for (var i = 0; i < rows; i++)
            {
                number.Append(i);
                text.Append("some text"u8);
                map.Append("key"u8, "value"u8);
                map.EndRow();
                few.Append(value);
            }

            block.Build();
        }
    }

    private static void Check(Action<NativeBlockWriter> write, string expected)
    {
        var block = new NativeBlockWriter();
        write(block);
        Assert.Equal(expected, Convert.ToHexString(Bytes(block)));
    }

    private static byte[] Bytes(NativeBlockWriter block) => [.. block.Build().SelectMany(piece => piece.ToArray())];

    private static string Header(string name, string type) => Text(name) + Text(type);

    private static string Text(string text) => text.Length.ToString("X2", null) + Convert.ToHexString(System.Text.Encoding.ASCII.GetBytes(text));
}
