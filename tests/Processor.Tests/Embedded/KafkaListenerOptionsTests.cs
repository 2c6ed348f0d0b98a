using Stockflow.Embedded;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class KafkaListenerOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => new KafkaListenerOptions().Validate();

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public void A_broker_count_outside_1_to_9_is_refused(int brokers) =>
        Assert.Throws<SetupException>(() => (new KafkaListenerOptions { Brokers = brokers }).Validate());

    [Theory]
    [InlineData(-1)]
    [InlineData(65536)]
    public void A_port_that_is_none_is_refused(int port) =>
        Assert.Throws<SetupException>(() => (new KafkaListenerOptions { BootstrapPort = port }).Validate());

    [Theory]
    [InlineData(-1)]
    [InlineData(60001)]
    public void A_rebalance_delay_outside_a_minute_is_refused(int milliseconds) =>
        Assert.Throws<SetupException>(() => (new KafkaListenerOptions { InitialRebalanceDelay = TimeSpan.FromMilliseconds(milliseconds) }).Validate());
}
