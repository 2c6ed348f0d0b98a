using System.Text;
using Confluent.Kafka;
using Stockflow.Embedded;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(PipelineCollection.Name)]
public sealed class GeneratedLoadTests(SharedClickHouse clickHouse)
{
    [Fact]
    public async Task A_load_with_every_kind_of_trouble_ends_as_the_independent_count_says()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(seed: 11, events: 40_000);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync();
        await load.SendMovementsAsync(count, default);

        var status = await processor.WaitForEndAsync(load);
        var expected = count.Result();
        await FinalState.CheckAsync(servers, expected, deadLettersOnce: true);
        Assert.Equal((expected.Accepted, expected.Duplicates, expected.DeadLetterCount, 0),
            (status.Totals.Accepted, status.Totals.Duplicates, status.Totals.DeadLetters, status.Totals.Replayed));
        Assert.Equal(expected.DeadLetterCount, status.DeadLetterReasons.Values.Sum());
        Assert.True(status.Totals.Late > 0);
        Assert.Equal(200, await processor.GetAsync("/readyz"));
        Assert.Equal(0, await processor.StopAsync());
    }

    [Fact]
    public async Task A_dead_letter_keeps_its_headers_key_value_and_timestamp_even_where_they_are_odd()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        var message = new Message<byte[]?, byte[]?>
        {
            Key = [0, 255, 128],
            Value = [9, 9, 9],
            Timestamp = new Timestamp(1_700_000_000_123, TimestampType.CreateTime),
            Headers = new Headers { { "trace", "one"u8.ToArray() }, { "trace", "two"u8.ToArray() }, { "none", null }, { "bytes", [0, 1, 255] } },
        };
        using (var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = servers.Kafka.Bootstrap }).Build())
        {
            await producer.ProduceAsync(new TopicPartition(PipelineServers.Topic, 2), message);
            await producer.ProduceAsync(new TopicPartition(PipelineServers.Topic, 2), new Message<byte[]?, byte[]?>());
        }

        await using var processor = await servers.StartProcessorAsync();
        await processor.WaitForEndAsync([0, 0, 2, 0]);

        var letters = servers.ReadAll(PipelineServers.DeadLetterTopic, 2).OrderBy(letter => letter.Message.Key is null).ToArray();
        Assert.Equal(2, letters.Length);
        var kept = letters[0].Message;
        Assert.Equal(message.Key, kept.Key);
        Assert.Equal(message.Value, kept.Value);
        Assert.Equal(message.Timestamp, kept.Timestamp);
        Assert.Equal(
            message.Headers.Select(header => (header.Key, Hex(header.GetValueBytes()))),
            kept.Headers.Take(4).Select(header => (header.Key, Hex(header.GetValueBytes()))));
        var own = kept.Headers.Skip(4).ToDictionary(header => header.Key, header => Encoding.UTF8.GetString(header.GetValueBytes()));
        Assert.Equal(("inventory.movements", "2", "0", "decode", "wire_format"),
            (own["dlq.topic"], own["dlq.partition"], own["dlq.offset"], own["dlq.stage"], own["dlq.reason"]));
        Assert.Contains("0x09", own["dlq.message"], StringComparison.Ordinal);
        Assert.Null(letters[1].Message.Key);
        Assert.Null(letters[1].Message.Value);
    }

    private static string Hex(byte[]? bytes) => bytes is null ? "none" : Convert.ToHexString(bytes);
}
