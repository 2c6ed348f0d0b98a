using System.Text;
using Stockflow.Model;
using Stockflow.Source.Import;
using Xunit;

namespace Stockflow.Tests.Source.Import;

public sealed class CsvRowReaderTests
{
    [Theory]
    [InlineData("a,b\n1,2\n", "a=1|b=2")]
    [InlineData("a,b\r\n1,2\r\n", "a=1|b=2")]
    [InlineData("a,b\n1,2", "a=1|b=2")]
    [InlineData("\uFEFFa,b\n1,2\n", "a=1|b=2")]
    [InlineData("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n", "a=x, y|b=say \"hi\"")]
    [InlineData("a,b\n,\n", "a=|b=")]
    [InlineData("a,b\n\"\",\"\"\n", "a=|b=")]
    [InlineData("a,b\n\"one\ntwo\",2\n", "a=one\ntwo|b=2")]
    [InlineData("a,b\n£,ß\n", "a=£|b=ß")]
    [InlineData("\"a\",\"b\"\n1,2\n", "a=1|b=2")]
    public void Reads_what_the_standard_allows(string content, string expected)
    {
        var row = Assert.Single(ImportText.Csv(content));
        Assert.Null(row.Problem);
        Assert.Equal(expected, string.Join('|', row.Values));
    }

    [Fact]
    public void Other_delimiters_and_encodings_are_read()
    {
        Assert.Equal(["a=1,5", "b=2"], Assert.Single(ImportText.Csv("a;b\n1,5;2\n", ';')).Values);
        Assert.Equal(["a=£"], Assert.Single(ImportText.Csv([(byte)'a', (byte)'\n', 0xA3], latin1: true)).Values);
    }

    [Fact]
    public void Empty_lines_are_no_records_and_lines_are_counted_with_them()
    {
        var rows = ImportText.Csv("a,b\n\n1,2\n\r\n\"x\ny\",3\n4,5\n");
        Assert.Equal([3L, 5L, 7L], rows.Select(row => row.Line));
        Assert.Equal([1L, 2L, 3L], rows.Select(row => row.Number));
    }

    [Theory]
    [InlineData("1,2,3", "column_count")]
    [InlineData("1", "column_count")]
    [InlineData("1\",2", "bad_quote")]
    [InlineData("\"1\"x,2", "bad_quote")]
    [InlineData("\"1,2", "open_quote")]
    [InlineData("1,\0", "nul_byte")]
    public void A_broken_record_costs_only_itself(string broken, string reason)
    {
        var rows = ImportText.Csv($"a,b\n0,0\n{broken}\n8,8\n9,9\n");
        Assert.Equal([null, reason, null, null], rows.Select(row => row.Problem));
        Assert.Equal(broken, rows[1].Raw);
        Assert.Equal(3, rows[1].Line);
        Assert.Equal(["a=9", "b=9"], rows[3].Values);
    }

    [Fact]
    public void An_open_quote_that_a_later_quote_closes_costs_only_its_line()
    {
        var rows = ImportText.Csv("a,b\n1,\"open\n2,two\n3,\"three\"\n4,four\n");
        Assert.Equal(["bad_quote", null, null, null], rows.Select(row => row.Problem));
        Assert.Equal(["1,\"open", "2,two", "3,\"three\"", "4,four"], rows.Select(row => row.Raw));
    }

    [Fact]
    public void An_open_quote_does_not_swallow_a_long_file()
    {
        var content = new StringBuilder("a,b\n\"open,1\n");
        for (var i = 0; i < 5 * ImportLimits.RecordLines; i++)
        {
            content.Append(i).Append(",x\n");
        }

        var rows = ImportText.Csv(content.ToString());
        Assert.Equal("open_quote", rows[0].Problem);
        Assert.Equal(5 * ImportLimits.RecordLines, rows.Count(row => row.Problem is null));
    }

    [Fact]
    public void A_byte_that_is_not_utf8_is_named_with_its_place()
    {
        var rows = ImportText.Csv([.. "a,b\n"u8, .. "12,\u00e9"u8, 0xE9, .. "\n3,4\n"u8]);
        Assert.Equal(["not_utf8", null], rows.Select(row => row.Problem));
        Assert.Equal(6, rows[0].Position);
    }

    [Fact]
    public void An_overlong_line_is_cut_and_the_next_one_read()
    {
        var rows = ImportText.Csv("a,b\n" + new string('x', 5 * ImportLimits.RecordBytes) + ",1\n3,4\n" + new string('y', ImportLimits.RecordBytes + 1));
        Assert.Equal(["too_long", null, "too_long"], rows.Select(row => row.Problem));
        Assert.Equal(ImportLimits.RecordBytes, rows[0].Raw.Length);
        Assert.Equal([2L, 3L, 4L], rows.Select(row => row.Line));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a,a\n1,2\n", "twice")]
    [InlineData("a,\"b\n1,2\n", "column names")]
    public void A_header_that_can_not_be_used_is_refused(string content, string message)
    {
        Assert.Contains(message, Assert.Throws<SetupException>(() => ImportText.Csv(content)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_column_that_the_mapping_needs_is_missed_by_name()
    {
        var error = Assert.Throws<SetupException>(() => new CsvRowReader(new MemoryStream("a,b\n"u8.ToArray()), new CsvInput(',', false, ["a", "Price"]), new ColumnSet()));
        Assert.Contains("'Price'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_utf16_is_refused_by_name() =>
        Assert.Contains("UTF-16", Assert.Throws<SetupException>(() => ImportText.Csv(Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("a,b\n")).ToArray())).Message, StringComparison.Ordinal);

    [Fact]
    public void Quoting_and_line_ends_do_not_change_a_records_hash()
    {
        var plain = Assert.Single(ImportText.Csv("a,b\n1,2\n"));
        Assert.Equal(plain.Hash, Assert.Single(ImportText.Csv("\"a\",b\r\n\"1\",2\r\n")).Hash);
        Assert.NotEqual(plain.Hash, Assert.Single(ImportText.Csv("a,b\n12,\n")).Hash);
        Assert.NotEqual(plain.Hash, Assert.Single(ImportText.Csv("a,b\n2,1\n")).Hash);
    }

    [Fact]
    public void Random_bytes_never_throw_and_lose_no_good_line_at_the_end()
    {
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var noise = new byte[random.Next(1, 2000)];
            random.NextBytes(noise);
            for (var i = 0; i < noise.Length; i++)
            {
                noise[i] = random.Next(6) switch { 0 => (byte)'"', 1 => (byte)',', 2 => (byte)'\n', _ => noise[i] };
            }

            var rows = ImportText.Csv([.. "a,b\n"u8, .. noise, .. "\n"u8, .. "last,\"one\"\n"u8]);
            Assert.True(rows.All(row => row.Problem is not null || row.Values.Length == 2));
            Assert.Equal("last,\"one\"", rows[^1].Raw);
        }
    }
}
