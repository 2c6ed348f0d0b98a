using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Confluent.Kafka;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Xunit;
using static Stockflow.IntegrationTests.Kafka.KafkaClients;

namespace Stockflow.IntegrationTests.Kafka;

public sealed class KafkaCommandTests
{
    [Fact]
    public async Task Records_of_a_kafkajs_producer_arrive_in_the_partitions_that_Java_would_choose()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("foreign:6");
        await NodePeer.RunAsync("kafkajs-produce.js", kafka.Bootstrap, "foreign", "500");

        using var reader = Consumer(kafka.Bootstrap, "reader").Build();
        reader.Assign(Enumerable.Range(0, 6).Select(partition => new TopicPartitionOffset("foreign", partition, Offset.Beginning)));
        var records = Read(reader, 500);

        Assert.Equal(500, records.Select(record => record.Message.Key).Distinct().Count());
        Assert.All(records, record =>
        {
            var number = int.Parse(record.Message.Key["sku-".Length..], CultureInfo.InvariantCulture);
            Assert.Equal($"value-{number}", Encoding.UTF8.GetString(record.Message.Value));
            Assert.Equal(1_700_000_000_000 + number, record.Message.Timestamp.UnixTimestampMs);
            Assert.Equal("kafkajs", Encoding.UTF8.GetString(record.Message.Headers.GetLastBytes("origin")));
            Assert.Equal(Murmur2.Partition(Encoding.UTF8.GetBytes(record.Message.Key), 6), record.Partition.Value);
        });
    }

    [Fact]
    public async Task A_fixed_port_leads_a_client_to_the_brokers()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        await using var kafka = await KafkaListenerProcess.StartAsync("fixed:2", brokers: 2, "--port", $"{port}");
        Assert.Equal($"127.0.0.1:{port}", kafka.Bootstrap);

        using var producer = Producer(kafka.Bootstrap);
        Assert.Equal(0, (await producer.ProduceAsync("fixed", Record("a", [])).WaitAsync(Patience)).Offset.Value);
        await NodePeer.RunAsync("kafkajs-produce.js", kafka.Bootstrap, "fixed", "10");
    }

    [Fact]
    public async Task A_port_in_use_is_one_clear_line_and_exit_code_3()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var kafka = ServerProcess.Start(ServerProcess.Processor, ["kafka", "--port", $"{port}"]);

        Assert.Equal(3, await kafka.WaitForExitAsync());
        Assert.StartsWith($"error: port {port} on 127.0.0.1 can not be used", kafka.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', kafka.Output);
    }

    [Fact]
    public async Task A_wrong_topic_list_is_one_clear_line_and_exit_code_3()
    {
        await using var kafka = ServerProcess.Start(ServerProcess.Processor, ["kafka", "--topics", "orders"]);

        Assert.Equal(3, await kafka.WaitForExitAsync());
        Assert.Equal("error: topic 'orders' is not 'name:partitions'; a name has 1 to 249 letters, digits, '.', '_' or '-'.", kafka.Output);
    }

    [Fact]
    public async Task It_ends_with_its_parent_when_asked_to()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("orphan:1");
        kafka.Process.CloseInput();

        Assert.Equal(0, await kafka.Process.WaitForExitAsync());
    }

    [Fact]
    public async Task It_outlives_a_closed_input_otherwise_and_ends_on_a_signal()
    {
        await using var kafka = ServerProcess.Start(ServerProcess.Processor, ["kafka", "--topics", "alone:1"]);
        var ready = await kafka.WaitForLineAsync(KafkaCommand.ReadyPrefix);
        kafka.CloseInput();
        using (var producer = Producer(ready[KafkaCommand.ReadyPrefix.Length..]))
        {
            await producer.ProduceAsync("alone", Record("a", []));
        }

        kafka.Terminate();

        Assert.Equal(0, await kafka.WaitForExitAsync());
    }
}
