using Confluent.Kafka;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Serve;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Event time over real servers: silent sources, held-back lanes, restarts.</summary>
[Collection(PipelineCollection.Name)]
public sealed class WatermarkTests(SharedClickHouse clickHouse)
{
    private int events;

    [Fact]
    public async Task Silent_sources_and_empty_partitions_freeze_nothing_the_future_drags_nothing_and_a_restart_keeps_the_watermark()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceSkuAsync("SKU-1");
        await producer.AnnounceLocationAsync("STORE-1");
        var hourAgo = DateTimeOffset.UtcNow.AddHours(-1);
        var place = await SendAsync(producer, "SKU-1", "EDI", hourAgo);
        await SendAsync(producer, "SKU-1", "POS", DateTimeOffset.UtcNow.AddDays(1));

        DateTime? reached;
        await using (var processor = await servers.StartProcessorAsync("--window.idle-seconds", "1", "--window.bound-seconds", "60"))
        {
            await processor.WaitForMetricAsync("stockflow_dead_letters_total{reason=\"time_future\"} 1");

            // Three partitions have never had a record, and the fourth has only an old one.
            var now = DateTime.UtcNow;
            var status = await processor.WaitUntilAsync(s => s.GlobalWatermark > now.AddSeconds(-60) && s.GlobalCloseWatermark > now.AddSeconds(-3660));
            Assert.True(Lane(status, place).Sources is [{ SourceSystem: "EDI", Idle: true, Late: 0 }]);
            Assert.True(status.GlobalWatermark < DateTime.UtcNow.AddSeconds(-59), "The watermark is beyond what the wall clock less the bound allows.");
            reached = status.GlobalWatermark;

            // Back with an older event: late, counted, not refused, and it takes nothing back.
            await SendAsync(producer, "SKU-1", "EDI", hourAgo);
            status = await processor.WaitUntilAsync(s => s.Totals.Late == 1 && s.Totals.Accepted == 2);
            Assert.True(Lane(status, place).Watermark >= reached);
            Assert.Equal(1, Lane(status, place).Sources[0].Late);
            Assert.Equal(0, await processor.StopAsync());
        }

        // By itself the new process would have one hour ago, and nothing at all of the empty partitions.
        await using var restarted = await servers.StartProcessorAsync("--window.idle-seconds", "80000", "--window.bound-seconds", "60");
        var after = await restarted.WaitUntilAsync(s => s.GlobalWatermark is not null && s.Lanes.Count == PipelineServers.Partitions);
        Assert.True(after.GlobalWatermark >= reached);
        Assert.All(after.Lanes, lane => Assert.True(lane.Watermark >= reached && lane.CloseWatermark is not null));
    }

    [Fact]
    public async Task A_lane_that_is_ahead_waits_for_the_others_and_then_goes_on()
    {
        const string Drift = "7200";
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceLocationAsync("STORE-1");
        var skus = new Dictionary<int, string>();
        var now = DateTimeOffset.UtcNow;
        for (var i = 0; skus.Count < PipelineServers.Partitions; i++)
        {
            await producer.AnnounceSkuAsync($"SKU-{i}");
            var place = await SendAsync(producer, $"SKU-{i}", "POS", now.AddHours(-10));
            skus.TryAdd(place.Partition.Value, $"SKU-{i}");
        }

        await using var processor = await servers.StartProcessorAsync("--window.idle-seconds", "3600", "--window.maximum-drift-seconds", Drift);
        await processor.WaitUntilAsync(s => s.GlobalWatermark is not null);

        // Partition 0 runs ahead by hours: what comes next for it waits in Kafka.
        var first = await SendAsync(producer, skus[0], "POS", now);
        await processor.WaitUntilAsync(s => Lane(s, first) is { Paused: true, PausedFor: "alignment" } lane && lane.PositionOffset > first.Offset.Value);
        await processor.WaitForMetricAsync($"stockflow_lane_alignment_paused{{topic=\"{PipelineServers.Topic}\",partition=\"0\"}} 1");
        var second = await SendAsync(producer, skus[0], "POS", now);

        // Two of the other three catch up: the third still holds it back, and nothing else.
        foreach (var partition in new[] { 1, 2 })
        {
            var sent = await SendAsync(producer, skus[partition], "POS", now);
            await processor.WaitUntilAsync(s => Lane(s, sent).PositionOffset > sent.Offset.Value);
        }

        var held = await processor.WaitUntilAsync(s => s.Lanes.Count(lane => lane.PausedFor == "alignment") == 3);
        Assert.Equal(second.Offset.Value, Lane(held, second).PositionOffset);
        Assert.False(held.Lanes.Single(lane => lane.Partition == 3).Paused);

        await SendAsync(producer, skus[3], "POS", now);
        await processor.WaitUntilAsync(s => s.Lanes.All(lane => !lane.Paused) && Lane(s, second).PositionOffset > second.Offset.Value);
    }

    private Task<DeliveryResult<byte[], byte[]>> SendAsync(IProducer<byte[], byte[]> producer, string sku, string source, DateTimeOffset at) =>
        producer.MoveAsync(sku, "STORE-1", $"E-{++events}", 1, source, at);

    private static LanePayload Lane(StatusPayload status, DeliveryResult<byte[], byte[]> of) => status.Lanes.Single(lane => lane.Partition == of.Partition.Value);
}
