using Stockflow.Embedded;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class KafkaTopicTests
{
    [Fact]
    public void A_list_is_read_in_order_with_spaces_and_a_trailing_comma_allowed() =>
        Assert.Equal(
            [new KafkaTopic("inventory.movements", 12), new KafkaTopic("a-b_C.1", 1)],
            KafkaTopic.ParseList(" inventory.movements:12 , a-b_C.1:1,"));

    [Fact]
    public void An_empty_list_names_no_topic() => Assert.Empty(KafkaTopic.ParseList(""));

    [Theory]
    [InlineData("orders")]
    [InlineData("orders:")]
    [InlineData("orders:0")]
    [InlineData("orders:-1")]
    [InlineData("orders:+1")]
    [InlineData("orders:10001")]
    [InlineData("orders:99999999999")]
    [InlineData("orders:1.5")]
    [InlineData(":4")]
    [InlineData("or ders:4")]
    [InlineData("orders\n:4")]
    [InlineData("örders:4")]
    public void A_malformed_entry_is_named(string entry)
    {
        var refused = Assert.Throws<SetupException>(() => KafkaTopic.ParseList("fine:1," + entry));
        Assert.Contains(entry, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_has_at_most_249_characters()
    {
        Assert.Equal(1, KafkaTopic.Parse(new string('a', 249) + ":1").Partitions);
        Assert.Throws<SetupException>(() => KafkaTopic.Parse(new string('a', 250) + ":1"));
    }

    [Fact]
    public void A_name_listed_twice_is_refused()
    {
        var refused = Assert.Throws<SetupException>(() => KafkaTopic.ParseList("a:1,b:1,a:2"));
        Assert.Contains("'a'", refused.Message, StringComparison.Ordinal);
    }
}
