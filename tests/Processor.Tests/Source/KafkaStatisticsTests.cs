using Stockflow.Source;
using Xunit;

namespace Stockflow.Tests.Source;

public sealed class KafkaStatisticsTests
{
    [Fact]
    public void Brokers_that_have_answered_are_told_by_number_and_32_at_most()
    {
        var brokers = string.Join(',', Enumerable.Range(-1, 60).Select(id => $$"""
            "host-{{id}}:9092/{{(id < 0 ? "bootstrap" : id)}}": { "nodeid": {{id}}, "rtt": { "min": 1, "avg": {{(id == 3 ? 0 : 1000 + id)}} } }
            """));
        var usage = KafkaStatistics.Read($$"""{ "name": "consumer-1", "rx_bytes": 4711, "brokers": { {{brokers}} } }""")!;
        Assert.Equal(4711, usage.ReceivedBytes);
        Assert.Equal(32, usage.Latencies.Count);
        Assert.Equal(("0", 0.001), usage.Latencies[0]);
        Assert.DoesNotContain(usage.Latencies, broker => broker.Broker is "3" or "-1");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{ "brokers": [], "rx_bytes": "many" }""")]
    [InlineData("""{ "brokers": { "a": { "nodeid": 1 } }, "rx_bytes": 1 }""")]
    public void What_is_no_statistics_is_left_out(string json) => Assert.Null(KafkaStatistics.Read(json));
}
