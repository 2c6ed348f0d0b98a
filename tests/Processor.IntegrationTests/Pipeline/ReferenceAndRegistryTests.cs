using System.Text;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(PipelineCollection.Name)]
public sealed class ReferenceAndRegistryTests(SharedClickHouse clickHouse)
{
    [Fact]
    public async Task A_SKU_is_unknown_only_if_the_reference_topic_lacks_it_when_its_movement_arrives()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceLocationAsync("DC-01");
        await using var processor = await servers.StartProcessorAsync();
        await processor.WaitUntilAsync(status => status.Ready);
        var ends = new long[PipelineServers.Partitions];
        for (var i = 0; i < 60; i++)
        {
            var isKnown = i % 6 != 0;
            if (isKnown)
            {
                await producer.AnnounceSkuAsync($"NEW-{i}");
            }

            Sent(await producer.MoveAsync($"NEW-{i}", "DC-01", $"first-{i}", 5));
        }

        var status = await processor.WaitForEndAsync(ends);
        Assert.Equal((50, 10), (status.Totals.Accepted, status.Totals.DeadLetters));
        Assert.Equal(10, status.DeadLetterReasons["unknown_sku"]);
        var letters = servers.ReadAll(PipelineServers.DeadLetterTopic, 2).Select(letter => Encoding.UTF8.GetString(letter.Message.Key!));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"NEW-{i * 6}").Order(StringComparer.Ordinal), letters.Order(StringComparer.Ordinal));

        await producer.AnnounceSkuAsync("NEW-0");
        Sent(await producer.MoveAsync("NEW-0", "DC-01", "second", 7));
        status = await processor.WaitForEndAsync(ends);
        Assert.Equal(51, status.Totals.Accepted);
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        Assert.Equal(7, (await store.GetAsync("NEW-0", "DC-01", default))!.Value.State.OnHand);

        void Sent(Confluent.Kafka.DeliveryResult<byte[], byte[]> result) => ends[result.Partition.Value] = result.Offset.Value + 1;
    }

    [Fact]
    public async Task A_lane_waits_for_a_registry_that_does_not_answer_and_makes_no_dead_letter_of_it()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var registry = await RegistryProcess.StartAsync();
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceLocationAsync("DC-01");
        await producer.AnnounceSkuAsync("SKU-1");
        await using var processor = await servers.StartProcessorAsync("--registry.urls", registry.Url.ToString());
        await processor.WaitUntilAsync(status => status.Ready);

        registry.Kill();
        var sent = await producer.MoveAsync("SKU-1", "DC-01", "one", 5);
        await processor.WaitForLogAsync($"Partition {sent.Partition.Value} waits for the schema registry");
        var waiting = await processor.StatusAsync();
        Assert.Equal((0, 0), (waiting.Totals.Accepted, waiting.Totals.DeadLetters));

        await registry.RestartAsync();
        var ends = new long[PipelineServers.Partitions];
        ends[sent.Partition.Value] = 1;
        var status = await processor.WaitForEndAsync(ends);
        Assert.Equal((1, 0), (status.Totals.Accepted, status.Totals.DeadLetters));
        Assert.Empty(servers.ReadAll(PipelineServers.DeadLetterTopic, 2));
    }

    [Fact]
    public async Task A_stuck_lane_is_paused_and_stalls_no_other()
    {
        const int Skus = 40, Rounds = 60;
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var registry = await RegistryProcess.StartAsync();
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceLocationAsync("DC-01");
        await Task.WhenAll(Enumerable.Range(0, Skus).Select(i => producer.AnnounceSkuAsync($"SKU-{i}")));
        await using var processor = await servers.StartProcessorAsync("--registry.urls", registry.Url.ToString(), "--kafka.batch-records", "16");
        var ends = new long[PipelineServers.Partitions];
        await MoveAllAsync("first");
        await processor.WaitForEndAsync(ends);

        // A schema that the lane has not seen, and no registry to ask.
        registry.Kill();
        var strange = await producer.ProduceAsync(PipelineServers.Topic,
            new Confluent.Kafka.Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes("SKU-0"), Value = [0, 0, 0, 0x27, 0x0F, 1] });
        ends[strange.Partition.Value] = strange.Offset.Value + 1;
        for (var round = 0; round < Rounds; round++)
        {
            await MoveAllAsync($"round-{round}");
        }

        var others = Enumerable.Range(0, PipelineServers.Partitions).Where(p => p != strange.Partition.Value).ToArray();
        Assert.All(others, p => Assert.True(ends[p] > Rounds));
        var status = await processor.WaitUntilAsync(s => others.All(p => s.Lanes.Any(lane => lane.Partition == p && lane.DurableOffset == ends[p]))
            && s.Lanes.Any(lane => lane.Partition == strange.Partition.Value && lane.Paused));
        Assert.True(status.Lanes.Single(lane => lane.Partition == strange.Partition.Value).PositionOffset <= strange.Offset.Value);

        await registry.RestartAsync();
        status = await processor.WaitForEndAsync(ends);
        Assert.Equal((Skus * (Rounds + 1), 1), (status.Totals.Accepted, status.Totals.DeadLetters));

        async Task MoveAllAsync(string round)
        {
            foreach (var result in await Task.WhenAll(Enumerable.Range(0, Skus).Select(i => producer.MoveAsync($"SKU-{i}", "DC-01", $"{round}-{i}", 1))))
            {
                ends[result.Partition.Value] = Math.Max(ends[result.Partition.Value], result.Offset.Value + 1);
            }
        }
    }
}
