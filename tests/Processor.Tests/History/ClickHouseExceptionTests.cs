using System.Net;
using Stockflow.History;
using Xunit;

namespace Stockflow.Tests.History;

public sealed class ClickHouseExceptionTests
{
    [Theory]
    [InlineData(404, "60", "Code: 60. DB::Exception: Table default.x does not exist. (UNKNOWN_TABLE) (version 24.8.1.1 (official build))\n", 60, "UNKNOWN_TABLE", false)]
    [InlineData(500, null, "Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED) (version 24.8)", 241, "MEMORY_LIMIT_EXCEEDED", true)]
    [InlineData(500, "252", "Code: 252. DB::Exception: Too many parts (300). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)", 252, "TOO_MANY_PARTS", true)]
    [InlineData(400, null, "Code: 62, e.displayText() = DB::Exception: Syntax error: failed at position 1 (line 1, col 1): selec 1. , e.what() = DB::Exception\n", 62, "", false)]
    [InlineData(200, null, "\n\nCode: 395. DB::Exception: Value passed to 'throwIf' (A_B) is non-zero. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", false)]
    [InlineData(502, null, "<html>Bad Gateway</html>", 0, "", true)]
    [InlineData(503, null, "", 0, "", true)]
    [InlineData(404, null, "not here", 0, "", false)]
    public void Code_name_and_permanence_come_from_the_answer(int status, string? header, string text, int code, string name, bool transient)
    {
        var failure = ClickHouseException.Parse((HttpStatusCode)status, header, text);

        Assert.Equal((code, name, transient), (failure.Code, failure.Name, failure.IsTransient));
        Assert.Contains(text.Trim(), failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "\\N")]
    [InlineData("plain", "plain")]
    [InlineData("a\\b\tc\nd\re\0", "a\\\\b\\tc\\nd\\re\\0")]
    [InlineData(true, "1")]
    [InlineData(1.5, "1.5")]
    [InlineData(new[] { "a'b", "c\\d" }, "['a\\'b','c\\\\d']")]
    [InlineData(new long[] { 1, 2 }, "[1,2]")]
    public void Parameters_are_escaped_as_fields_of_a_tab_separated_file(object? value, string expected) =>
        Assert.Equal(expected, ClickHouseValues.ToParameter(value));

    [Fact]
    public void Times_are_sent_as_utc() => Assert.Equal(
        "2026-03-01 10:00:00.123", ClickHouseValues.ToParameter(new DateTimeOffset(2026, 3, 1, 12, 0, 0, 123, TimeSpan.FromHours(2))));
}
