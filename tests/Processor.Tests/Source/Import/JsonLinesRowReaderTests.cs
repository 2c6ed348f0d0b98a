using Stockflow.Source.Import;
using Xunit;

namespace Stockflow.Tests.Source.Import;

public sealed class JsonLinesRowReaderTests
{
    [Fact]
    public void Members_become_columns_and_nested_ones_get_a_dotted_name()
    {
        var row = Assert.Single(ImportText.JsonLines("""{"sku":"A","qty":-3,"price":2.50,"flag":true,"none":null,"attributes":{"x":"1","y":{"z":2}},"list":[1,2]}"""));
        Assert.Equal(["sku=A", "qty=-3", "price=2.50", "flag=true", "none=", "attributes.x=1", "attributes.y.z=2", "list=[1,2]"], row.Values);
    }

    [Theory]
    [InlineData("{\"a\":1", "bad_json")]
    [InlineData("[1]", "not_an_object")]
    [InlineData("{\"a\":1,\"a\":2}", "bad_json")]
    [InlineData("{\"a\":\"\\ud800\"}", "bad_json")]
    [InlineData("{\"a\":1} trailing", "bad_json")]
    public void A_broken_line_costs_only_itself(string broken, string reason)
    {
        var rows = ImportText.JsonLines($"{{\"a\":0}}\n{broken}\n\n{{\"a\":9}}\n");
        Assert.Equal([null, reason, null], rows.Select(row => row.Problem));
        Assert.Equal(broken, rows[1].Raw);
        Assert.Equal([1L, 2L, 4L], rows.Select(row => row.Line));
        Assert.Equal(["a=9"], rows[2].Values);
    }

    [Fact]
    public void Depth_and_number_of_members_are_bounded()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40);
        var wide = "{" + string.Join(',', Enumerable.Range(0, ImportLimits.Columns + 5).Select(i => $"\"c{i}\":{i}")) + "}";
        Assert.Equal(["bad_json", "too_many_columns", null], ImportText.JsonLines($"{deep}\n{wide}\n{{\"a\":1}}\n").Select(row => row.Problem));
    }
}
