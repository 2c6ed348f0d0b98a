using System.CommandLine;
using System.Text;
using System.Text.Json;
using Confluent.Kafka;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Kafka;
using Xunit;

namespace Stockflow.IntegrationTests.Commands;

public sealed class DlqCommandTests
{
    private const string DeadLetters = "inventory.dead-letters";

    [Fact]
    public async Task Dead_letters_are_listed_shown_and_sent_again_byte_for_byte()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync($"{DeadLetters}:3,inventory.movements:4");
        byte[] value = [0, 0, 0, 0, 99, 1, 2, 0xff];
        var id = await ProduceAsync(kafka.Bootstrap, "sku-1", value, "unknown_schema");
        await ProduceAsync(kafka.Bootstrap, "sku-2", "text"u8.ToArray(), "wire_format");

        var (code, listed) = await RunAsync(kafka.Bootstrap, "list", "--json", "--reason", "unknown_schema");
        Assert.Equal(0, code);
        var letter = JsonDocument.Parse(listed).RootElement;
        Assert.Equal(("unknown_schema", "inventory.movements/2/41", "sku-1", id),
            (Text(letter, "reason"), Text(letter, "source"), Text(letter, "key"), Text(letter, "id")));

        var (_, table) = await RunAsync(kafka.Bootstrap, "list");
        Assert.Contains("2 of 2 shown: ", table, StringComparison.Ordinal);
        var (_, shown) = await RunAsync(kafka.Bootstrap, "show", id);
        Assert.Contains("00 00 00 00 63 01 02 ff", shown, StringComparison.Ordinal);
        Assert.Contains("there is no schema 99", shown, StringComparison.Ordinal);
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync(kafka.Bootstrap, "show", "0:999")).Code);
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync(kafka.Bootstrap, "show", "99:0")).Code);

        var (_, dry) = await RunAsync(kafka.Bootstrap, "replay", "--all", "--dry-run");
        Assert.StartsWith("2 would be sent to inventory.movements", dry, StringComparison.Ordinal);
        var (sentCode, sent) = await RunAsync(kafka.Bootstrap, "replay", "--reason", "unknown_schema", "--yes");
        Assert.Equal(0, sentCode);
        Assert.StartsWith("1 sent to inventory.movements", sent, StringComparison.Ordinal);

        var replayed = await OnlyRecordAsync(kafka.Bootstrap, "inventory.movements", 4);
        Assert.Equal("sku-1", replayed.Message.Key);
        Assert.Equal(value, replayed.Message.Value);
        Assert.Equal(Stockflow.Model.Murmur2.Partition("sku-1"u8, 4), replayed.Partition.Value);
        Assert.Equal(["trace"], replayed.Message.Headers.Select(header => header.Key));
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync(kafka.Bootstrap, "replay", id, "0:999", "--yes")).Code);
    }

    [Fact]
    public async Task No_broker_and_no_topic_are_one_line_and_code_3()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("other:1");
        await kafka.BrokerDownAsync();
        Assert.Equal(ExitCode.Unreachable, (await RunAsync(kafka.Bootstrap, "list")).Code);
    }

    private static async Task<string> ProduceAsync(string bootstrap, string key, byte[] value, string reason)
    {
        using var producer = new ProducerBuilder<string, byte[]>(new ProducerConfig { BootstrapServers = bootstrap }).Build();
        var headers = new Headers { { "trace", "1"u8.ToArray() } };
        foreach (var (name, text) in new[]
                 {
                     ("topic", "inventory.movements"), ("partition", "2"), ("offset", "41"), ("stage", "decode"), ("reason", reason),
                     ("message", "why"), ("failed-at", "2026-03-01T12:00:00Z"),
                 })
        {
            headers.Add("dlq." + name, Encoding.UTF8.GetBytes(text));
        }

        var done = await producer.ProduceAsync(DeadLetters, new Message<string, byte[]> { Key = key, Value = value, Headers = headers });
        return $"{done.Partition.Value}:{done.Offset.Value}";
    }

    private static Task<ConsumeResult<string, byte[]>> OnlyRecordAsync(string bootstrap, string topic, int partitions) => Task.Run(() =>
    {
        using var consumer = KafkaClients.Consumer(bootstrap, "check").Build();
        consumer.Assign(Enumerable.Range(0, partitions).Select(partition => new TopicPartitionOffset(topic, partition, Offset.Beginning)));
        return KafkaClients.Read(consumer, 1).Single();
    });

    private static async Task<(int Code, string Output)> RunAsync(string bootstrap, params string[] arguments)
    {
        await using var output = new StringWriter();
        var code = await DlqCommand.Create().Parse([.. arguments, "--bootstrap-servers", bootstrap])
            .InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }

    private static string? Text(JsonElement letter, string name) => letter.GetProperty(name).GetString();
}
