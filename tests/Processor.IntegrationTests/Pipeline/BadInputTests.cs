using System.Text;
using Confluent.Kafka;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Records that can not be counted, or not yet, among records that can, over real servers: nothing waits for them.</summary>
[Collection(PipelineCollection.Name)]
public sealed class BadInputTests(SharedClickHouse clickHouse)
{
    private const string Sku = "SKU-1", Store = "STORE-1";
    private const string Held = "SELECT count() FROM corrections_held(topic = '', partition = -1, below = 9223372036854775807, skus = [], before = [], known_at = '2299-12-31 00:00:00')";
    private readonly long[] ends = new long[PipelineServers.Partitions];

    [Fact]
    public async Task Times_and_counts_that_can_not_be_are_dead_letters_and_delay_nothing()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = await AnnouncedAsync(servers);
        var now = DateTimeOffset.UtcNow;
        await SendAsync(producer, "good-1", new() { ["qty_delta"] = 10L });
        await SendAsync(producer, "future", new() { ["event_ts"] = now.AddMinutes(20) });
        await SendAsync(producer, "handed-over-in-the-future", new() { ["ingest_ts"] = now.AddDays(1) });
        await SendAsync(producer, "no-time", new() { ["event_ts"] = 0L });
        await SendAsync(producer, "seconds", new() { ["event_ts"] = now.ToUnixTimeSeconds() });
        await SendAsync(producer, "count-below-zero", new() { ["movement_type"] = "CYCLE_COUNT", ["qty_delta"] = 0L, ["counted_qty"] = -1L });
        await SendAsync(producer, "corrects-nothing", new() { ["movement_type"] = "CORRECTION" });
        await SendAsync(producer, "good-2", new() { ["qty_delta"] = 7L });

        await using var processor = await servers.StartProcessorAsync();
        var status = await processor.WaitForEndAsync(ends);
        Assert.Equal((2, 6), (status.Totals.Accepted, status.Totals.DeadLetters));
        Assert.Equal(
            new Dictionary<string, long> { ["time_future"] = 2, ["time_range"] = 2, ["count_missing"] = 1, ["correction_target"] = 1 },
            status.DeadLetterReasons.Where(reason => reason.Value > 0).ToDictionary());
        Assert.Equal(17, await OnHandAsync(servers));
        Assert.True(status.Lanes.All(lane => lane.Watermark is null || lane.Watermark <= now.UtcDateTime.AddSeconds(1)), "A dead letter's time moved the watermark.");
        Assert.Equal(6, servers.ReadAll(PipelineServers.DeadLetterTopic, 2).Count);
    }

    [Fact]
    public async Task A_correction_of_an_event_that_has_not_come_is_held_and_told_of_and_takes_effect_when_it_comes()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = await AnnouncedAsync(servers);
        await SendAsync(producer, "amends", new() { ["movement_type"] = "CORRECTION", ["qty_delta"] = -3L, ["corrects_event_id"] = "amended" });
        await SendAsync(producer, "voids", new() { ["movement_type"] = "CORRECTION", ["qty_delta"] = 0L, ["corrects_event_id"] = "voided" });
        var place = await SendAsync(producer, "never", new() { ["movement_type"] = "CORRECTION", ["qty_delta"] = -1L, ["corrects_event_id"] = "unheard-of" });
        await SendAsync(producer, "receipt", new() { ["qty_delta"] = 100L });
        string Metric(int held) => $"stockflow_lane_held_corrections{{topic=\"{PipelineServers.Topic}\",partition=\"{place.Partition.Value}\"}} {held}";
        using var client = servers.ClickHouseClient();

        // What is sound goes on: the receipt behind the corrections counts, and they are accepted facts without effect.
        await using (var processor = await servers.StartProcessorAsync())
        {
            var status = await processor.WaitForEndAsync(ends);
            Assert.Equal((4, 0), (status.Totals.Accepted, status.Totals.DeadLetters));
            await processor.WaitForMetricAsync(Metric(3));
            Assert.Equal(100, await OnHandAsync(servers));
            Assert.Equal(3, await client.QueryScalarAsync<long>(Held));
            Assert.Equal(0, await processor.StopAsync());
        }

        // Another process knows of them too, and takes them up when their events come.
        await using var restarted = await servers.StartProcessorAsync();
        await restarted.WaitForMetricAsync(Metric(3));
        await SendAsync(producer, "voided", new() { ["qty_delta"] = 50L });
        await SendAsync(producer, "amended", new() { ["qty_delta"] = 20L });
        await restarted.WaitForMetricAsync(Metric(1));
        await restarted.WaitForEndAsync(ends);
        Assert.Equal(117, await OnHandAsync(servers));
        Assert.Equal(1, await client.QueryScalarAsync<long>(Held));
        Assert.Empty(servers.ReadAll(PipelineServers.DeadLetterTopic, 2));
    }

    private static async Task<IProducer<byte[], byte[]>> AnnouncedAsync(PipelineServers servers)
    {
        var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceSkuAsync(Sku);
        await producer.AnnounceLocationAsync(Store);
        return producer;
    }

    private static async Task<long> OnHandAsync(PipelineServers servers)
    {
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        return (await store.GetAsync(Sku, Store, default))!.Value.State.OnHand;
    }

    private async Task<DeliveryResult<byte[], byte[]>> SendAsync(IProducer<byte[], byte[]> producer, string eventId, Dictionary<string, object?> fields)
    {
        var sent = await producer.MoveAsync(Sku, Store, eventId, fields);
        ends[sent.Partition.Value] = sent.Offset.Value + 1;
        return sent;
    }
}
