using Stockflow.Embedded;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class RdKafkaMockTests
{
    [Fact]
    public void It_is_in_the_build_of_the_library_that_the_client_uses()
    {
        RdKafkaMock.rd_kafka_destroy(RdKafkaMock.CreateHandle());

        Assert.NotEqual(0, Confluent.Kafka.Library.Version);
        Assert.Single(File.ReadLines("/proc/self/maps").Where(line => line.Contains("librdkafka", StringComparison.Ordinal)).Select(line => line[line.IndexOf('/')..]).Distinct());
    }
}
