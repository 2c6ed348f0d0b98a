using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

/// <summary>Keys of lanes, with and without a generation, and keys that only look like them.</summary>
public sealed class LaneKeysTests
{
    [Theory]
    [InlineData("{inv:3}:lane", 3, "", "lane")]
    [InlineData("{inv:3}:sku:A:sku:B", 3, "", "sku:A:sku:B")]
    [InlineData("{inv:12}:g1763720000000:sku:g1:x", 12, "1763720000000", "sku:g1:x")]
    [InlineData("{inv:0}:g7:seen:490000", 0, "7", "seen:490000")]
    [InlineData("{inv:0}:sku:{a:1}", 0, "", "sku:{a:1}")]
    public void Keys_of_a_base_are_taken_apart(string key, int partition, string generation, string rest)
    {
        Assert.True(LaneKeys.TryParse(key, out var p, out var g, out var r));
        Assert.Equal((partition, generation, rest), (p, g, r));
    }

    [Theory]
    [InlineData("{inv:3}:generation")]
    [InlineData("{inv:3}:rebuild")]
    [InlineData("{inv:3}:outbox")]
    [InlineData("{inv:x}:lane")]
    [InlineData("{inv:3}")]
    [InlineData("inv:topology")]
    [InlineData("{inv:3}:gx:lane")]
    public void Other_keys_are_left_alone(string key) => Assert.False(LaneKeys.TryParse(key, out _, out _, out _));

    [Fact]
    public void A_prefix_is_no_pattern() => Assert.Equal(@"{a\*\[b\]:*}:*sku:*", LaneKeys.Pattern("a*[b]", "sku:*"));
}
