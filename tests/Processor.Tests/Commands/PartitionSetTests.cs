using Stockflow.Commands;
using Xunit;

namespace Stockflow.Tests.Commands;

public sealed class PartitionSetTests
{
    [Theory]
    [InlineData(null, "0,1,2,3,4,5")]
    [InlineData("5,0-2,1", "0,1,2,5")]
    [InlineData("3-3", "3")]
    public void Lists_and_ranges_are_read(string? text, string expected) => Assert.Equal(expected, string.Join(',', PartitionSet.Parse(text, 6)));

    [Theory]
    [InlineData("")]
    [InlineData("1,")]
    [InlineData("3-1")]
    [InlineData("-1")]
    [InlineData("1-2-3")]
    [InlineData("6")]
    public void Anything_else_is_refused(string text) => Assert.Throws<UsageException>(() => PartitionSet.Parse(text, 6));
}
