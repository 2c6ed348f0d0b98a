using System.Text;
using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;
using static Stockflow.IntegrationTests.Kafka.KafkaClients;

namespace Stockflow.IntegrationTests.Kafka;

public sealed class KafkaRecordsTests
{
    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task Key_value_headers_and_timestamp_come_back_as_sent(CompressionType compression)
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("records:1");
        using var producer = Producer(kafka.Bootstrap, settings => settings.CompressionType = compression);
        var sent = Enumerable.Range(0, 200).Select(number => new Message<string, byte[]>
        {
            Key = $"sku-{number}",
            Value = Encoding.UTF8.GetBytes(new string('x', number) + number),
            Timestamp = new Timestamp(DateTimeOffset.FromUnixTimeMilliseconds(1_290_000_000_000 + number)),
            Headers = new Headers { { "origin", [0, 255, (byte)number] }, { "empty", null }, { "origin", [1] } },
        }).ToList();

        await Task.WhenAll(sent.Select(message => producer.ProduceAsync("records", message)));
        using var reader = Reader(kafka.Bootstrap, "records");
        var received = Read(reader, sent.Count);

        Assert.Equal(Enumerable.Range(0, sent.Count).Select(offset => (long)offset), received.Select(record => record.Offset.Value));
        foreach (var (expected, record) in sent.Zip(received))
        {
            Assert.Equal(expected.Key, record.Message.Key);
            Assert.Equal(expected.Value, record.Message.Value);
            Assert.Equal(expected.Timestamp.UnixTimestampMs, record.Message.Timestamp.UnixTimestampMs);
            Assert.Equal(["origin", "empty", "origin"], record.Message.Headers.Select(header => header.Key));
            Assert.Equal(expected.Headers[0].GetValueBytes(), record.Message.Headers[0].GetValueBytes());
            Assert.Null(record.Message.Headers[1].GetValueBytes());
        }
    }

    [Fact]
    public async Task Every_one_of_256_partitions_takes_and_gives_its_own_records()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("wide:256");
        using var producer = Producer(kafka.Bootstrap);
        await Task.WhenAll(Enumerable.Range(0, 256).Select(partition =>
            producer.ProduceAsync(new TopicPartition("wide", partition), Record("", [(byte)partition]))));

        using var reader = Consumer(kafka.Bootstrap, "reader").Build();
        reader.Assign(Enumerable.Range(0, 256).Select(partition => new TopicPartitionOffset("wide", partition, Offset.Beginning)));
        var received = Read(reader, 256);

        Assert.Equal(256, received.Select(record => record.Partition.Value).Distinct().Count());
        Assert.All(received, record => Assert.Equal((byte)record.Partition.Value, record.Message.Value[0]));
        Assert.All(received, record => Assert.Equal(0, record.Offset.Value));
    }

    [Fact]
    public async Task A_message_of_four_megabytes_passes_when_both_clients_allow_it()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("large:1");
        using var producer = Producer(kafka.Bootstrap, settings => settings.MessageMaxBytes = 5_000_000);
        var value = new byte[4_000_000];
        new Random(7).NextBytes(value);
        await producer.ProduceAsync("large", Record("big", value));

        using var reader = Reader(kafka.Bootstrap, "large", change: settings => settings.MaxPartitionFetchBytes = 5_000_000);

        Assert.Equal(value, Read(reader, 1)[0].Message.Value);
    }

    [Fact]
    public async Task A_partition_under_its_limit_has_lost_nothing_and_one_over_it_says_how_much()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("kept:1,dropped:1");
        using var producer = Producer(kafka.Bootstrap);
        var value = new byte[100_000];
        await FillAsync("kept", 40);
        await FillAsync("dropped", 80);

        Assert.Empty(KafkaListener.FindDroppedRecords(kafka.Bootstrap, new KafkaTopic("kept", 1), Patience));
        var dropped = Assert.Single(KafkaListener.FindDroppedRecords(kafka.Bootstrap, new KafkaTopic("dropped", 1), Patience));
        // 80 records of a little more than 100,000 bytes, of which 5 MiB hold 52.
        Assert.Equal(80 - (KafkaListener.PartitionBytes / 100_000), dropped.Offset.Value);

        async Task FillAsync(string topic, int records)
        {
            for (var i = 0; i < records; i++)
            {
                // Awaited one by one, so that each is a batch of its own.
                await producer.ProduceAsync(topic, Record("k", value));
            }
        }
    }

    [Fact]
    public async Task A_consumer_that_refuses_to_reset_is_told_that_its_position_was_dropped()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("dropped:1");
        using var producer = Producer(kafka.Bootstrap);
        for (var i = 0; i < 60; i++)
        {
            await producer.ProduceAsync("dropped", Record("k", new byte[100_000]));
        }

        using var consumer = Consumer(kafka.Bootstrap, "strict", settings => settings.AutoOffsetReset = AutoOffsetReset.Error).Build();
        consumer.Assign(new TopicPartitionOffset("dropped", 0, 0));

        var told = Assert.Throws<ConsumeException>(() => Read(consumer, 1));
        Assert.Equal(ErrorCode.Local_AutoOffsetReset, told.Error.Code);
    }
}
