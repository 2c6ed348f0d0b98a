using Stockflow.History;
using Xunit;

namespace Stockflow.Tests.History;

public sealed class SqlScriptTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData(" ;; -- nothing\n", new string[0])]
    [InlineData("SELECT 1", new[] { "SELECT 1" })]
    [InlineData("SELECT 1;\nSELECT 2;\n", new[] { "SELECT 1", "SELECT 2" })]
    [InlineData("SELECT ';'; SELECT 2", new[] { "SELECT ';'", "SELECT 2" })]
    [InlineData("SELECT 'it''s; \\'so;'; SELECT 2", new[] { "SELECT 'it''s; \\'so;'", "SELECT 2" })]
    [InlineData("SELECT `a;b`, \"c;d\"; SELECT 2", new[] { "SELECT `a;b`, \"c;d\"", "SELECT 2" })]
    [InlineData("-- first; not\nSELECT 1 /* ; */ + 1; # no;\nSELECT 2", new[] { "SELECT 1 /* ; */ + 1", "SELECT 2" })]
    [InlineData("SELECT $a$ ; $a$; SELECT 2", new[] { "SELECT $a$ ; $a$", "SELECT 2" })]
    [InlineData("SELECT 'é;ß'; SELECT 2", new[] { "SELECT 'é;ß'", "SELECT 2" })]
    public void Statements_end_at_semicolons_outside_quotes_and_comments(string script, string[] expected) =>
        Assert.Equal(expected, SqlScript.Split(script));

    [Theory]
    [InlineData("SELECT 1;\nSELECT 'x", 2)]
    [InlineData("SELECT 1 /* x", 1)]
    [InlineData("\n\nSELECT `x", 3)]
    public void A_missing_end_is_reported_with_its_line(string script, int line)
    {
        var failure = Assert.Throws<FormatException>(() => SqlScript.Split(script));

        Assert.StartsWith($"line {line}:", failure.Message, StringComparison.Ordinal);
    }
}
