using System.Text;
using Stockflow.Embedded;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class ChdbStatementTests
{
    [Theory]
    [InlineData("INSERT INTO t FORMAT RowBinary\n\0\u0001'", "INSERT INTO t ", "RowBinary", "\0\u0001'")]
    [InlineData("insert into t (a, `format`) settings x=1 format JSONEachRow {\"a\":1}", "insert into t (a, `format`) settings x=1 ", "JSONEachRow", "{\"a\":1}")]
    [InlineData("INSERT INTO t VALUES (1,';')", "INSERT INTO t ", "Values", " (1,';')")]
    [InlineData("/* values */ INSERT INTO t (a) -- format X\n FORMAT CSV \r\n1\n", "/* values */ INSERT INTO t (a) -- format X\n ", "CSV", "1\n")]
    [InlineData("INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", "")]
    [InlineData("INSERT INTO t FORMAT CSV\n\n1", "INSERT INTO t ", "CSV", "\n1")]
    public void An_insert_is_cut_where_its_data_begin(string text, string head, string format, string data)
    {
        var bytes = Encoding.UTF8.GetBytes(text);

        var statement = ChdbStatement.Parse(bytes);

        Assert.Equal(ChdbStatementKind.InsertData, statement.Kind);
        Assert.Equal(head, Encoding.UTF8.GetString(bytes, 0, statement.HeadLength));
        Assert.Equal(format, statement.Format);
        Assert.Equal(data, Encoding.UTF8.GetString(bytes.AsSpan(statement.DataStart)));
    }

    [Theory]
    [InlineData("SELECT 1", ChdbStatementKind.Select, null)]
    [InlineData("  with 1 as x select x format JSON", ChdbStatementKind.Select, "JSON")]
    [InlineData("(SELECT 1) FORMAT TSV;", ChdbStatementKind.Select, "TSV")]
    [InlineData("SELECT 1 FORMAT TSV SETTINGS max_threads=1", ChdbStatementKind.Select, "TSV")]
    [InlineData("SELECT format x FROM t", ChdbStatementKind.Whole, null)]
    [InlineData("SELECT format x FROM t FORMAT JSON", ChdbStatementKind.Whole, "JSON")]
    [InlineData("SELECT a, count() FROM t GROUP BY a WITH TOTALS", ChdbStatementKind.Whole, null)]
    [InlineData("SHOW TABLES FORMAT CSV", ChdbStatementKind.Whole, "CSV")]
    [InlineData("INSERT INTO t SELECT * FROM u", ChdbStatementKind.Whole, null)]
    [InlineData("INSERT INTO t (SELECT * FROM u)", ChdbStatementKind.Whole, null)]
    [InlineData("INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x", ChdbStatementKind.Whole, null)]
    [InlineData("INSERT INTO t (a, b)", ChdbStatementKind.InsertWithoutFormat, null)]
    [InlineData(" -- nothing\n", ChdbStatementKind.Empty, null)]
    public void Other_statements_are_told_apart(string text, ChdbStatementKind kind, string? format)
    {
        var statement = ChdbStatement.Parse(Encoding.UTF8.GetBytes(text));

        Assert.Equal((kind, format, null), (statement.Kind, statement.Format, statement.Refused));
    }

    [Theory]
    [InlineData("SELECT * FROM file('/etc/passwd')", "file()")]
    [InlineData("SELECT * FROM FILE ('/etc/passwd')", "FILE()")]
    [InlineData("SELECT * FROM `url`('http://x')", "url()")]
    [InlineData("CREATE TABLE t (a Int8) ENGINE = URL('http://x', CSV)", "URL()")]
    [InlineData("INSERT INTO t SELECT * FROM s3('x')", "s3()")]
    [InlineData("INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV", "input()")]
    [InlineData("INSERT INTO FUNCTION file('x') VALUES (1)", "INSERT FUNCTION")]
    [InlineData("INSERT INTO t FROM INFILE 'x' FORMAT CSV", "INSERT INFILE")]
    [InlineData("SELECT 1 INTO OUTFILE 'x'", "INTO OUTFILE")]
    public void What_reaches_outside_the_data_folder_is_refused_by_name(string text, string refused) =>
        Assert.Equal(refused, ChdbStatement.Parse(Encoding.UTF8.GetBytes(text)).Refused);

    [Theory]
    [InlineData("SELECT 'file(1)', `file`, \"url\", file FROM t -- s3()\n")]
    [InlineData("SELECT profile(1), file_count FROM t")]
    public void Names_in_text_and_columns_are_not(string text) => Assert.Null(ChdbStatement.Parse(Encoding.UTF8.GetBytes(text)).Refused);
}
