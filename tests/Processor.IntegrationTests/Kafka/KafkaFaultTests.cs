using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;
using static Stockflow.IntegrationTests.Kafka.KafkaClients;

namespace Stockflow.IntegrationTests.Kafka;

public sealed class KafkaFaultTests
{
    [Fact]
    public async Task A_record_sent_while_the_broker_is_down_arrives_once_it_is_up()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("outage:1");
        using var producer = Producer(kafka.Bootstrap);
        await producer.ProduceAsync("outage", Record("before", []));

        await kafka.BrokerDownAsync();
        var pending = producer.ProduceAsync("outage", Record("during", []));
        using (var client = new System.Net.Sockets.TcpClient())
        {
            var address = kafka.Bootstrap.Split(':');
            await Assert.ThrowsAsync<System.Net.Sockets.SocketException>(() => client.ConnectAsync(address[0], int.Parse(address[1], null)));
        }

        Assert.False(pending.IsCompleted);
        await kafka.BrokerUpAsync();

        Assert.Equal(1, (await pending.WaitAsync(Patience)).Offset.Value);
    }

    [Fact]
    public async Task A_pushed_error_fails_one_request_and_the_next_passes()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("refused:1");
        using var producer = Producer(kafka.Bootstrap, settings => settings.MessageSendMaxRetries = 0);
        await kafka.FailNextAsync(KafkaApi.Produce, ErrorCode.NotEnoughReplicas);

        var refused = await Assert.ThrowsAsync<ProduceException<string, byte[]>>(() => producer.ProduceAsync("refused", Record("a", [])));
        Assert.Equal(ErrorCode.NotEnoughReplicas, refused.Error.Code);
        Assert.Equal(0, (await producer.ProduceAsync("refused", Record("b", []))).Offset.Value);
    }

    [Fact]
    public async Task A_delay_makes_an_answer_wait()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("slow:1");
        using var producer = Producer(kafka.Bootstrap);
        await producer.ProduceAsync("slow", Record("a", []));
        await kafka.SetRoundTripTimeAsync(TimeSpan.FromMilliseconds(400));

        var clock = System.Diagnostics.Stopwatch.StartNew();
        await producer.ProduceAsync("slow", Record("b", []));

        // A lower bound holds on any machine: the listener may not answer earlier.
        Assert.True(clock.ElapsedMilliseconds >= 390, $"answered after {clock.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task Partitions_are_spread_over_three_brokers_and_one_may_be_down()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("spread:3", brokers: 3);
        Assert.Equal(3, kafka.Bootstrap.Split(',').Length);
        for (var partition = 0; partition < 3; partition++)
        {
            await kafka.SetPartitionLeaderAsync("spread", partition, partition + 1);
        }

        using var producer = Producer(kafka.Bootstrap);
        await kafka.BrokerDownAsync(2);

        await producer.ProduceAsync(new TopicPartition("spread", 0), Record("a", [])).WaitAsync(Patience);
        await producer.ProduceAsync(new TopicPartition("spread", 2), Record("c", [])).WaitAsync(Patience);
    }

    [Fact]
    public async Task A_topic_created_later_has_the_partitions_that_were_asked_for()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("");
        await kafka.CreateTopicAsync("later", 7);

        using var client = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = kafka.Bootstrap }).Build();

        Assert.Equal(7, client.GetMetadata("later", Patience).Topics[0].Partitions.Count);
    }

    [Theory]
    [InlineData("down 7", "Broker not available")]
    [InlineData("down one", "'one' is not a number")]
    [InlineData("errors Nothing NoError", "'Nothing' is no KafkaApi")]
    [InlineData("errors Produce 12345", "'12345' is no ErrorCode")]
    [InlineData("topic here:1", "could not create topic here")]
    [InlineData("explode", "'explode' is no command")]
    public async Task A_wrong_command_is_refused_by_name(string command, string expected)
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("here:1");
        await kafka.Process.WriteLineAsync(command);

        var answer = await kafka.Process.WaitForLineAsync("");
        Assert.StartsWith("error: ", answer, StringComparison.Ordinal);
        Assert.Contains(expected, answer, StringComparison.Ordinal);
    }
}
