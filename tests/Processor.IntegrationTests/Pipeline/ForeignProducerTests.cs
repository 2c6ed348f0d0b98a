using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(PipelineCollection.Name)]
public sealed class ForeignProducerTests(SharedClickHouse clickHouse)
{
    [Fact]
    public async Task Events_of_kafkajs_arrive_whether_their_schema_is_ours_newer_or_older()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var registry = await RegistryProcess.StartAsync();
        await using var processor = await servers.StartProcessorAsync("--registry.urls", registry.Url.ToString());
        await processor.WaitUntilAsync(status => status.Ready);
        var printed = await NodePeer.RunAsync(
            "kafkajs-registry-produce.js", servers.Kafka.Bootstrap, registry.Url.ToString().TrimEnd('/'), SchemaCatalog.DefaultFolder);
        Assert.Contains("sent 90", printed, StringComparison.Ordinal);

        var status = await processor.WaitUntilAsync(status => status.Totals.Accepted + status.Totals.DeadLetters == 90);
        Assert.Equal(90, status.Totals.Accepted);
        await processor.WaitUntilAsync(status => status.Lanes.All(lane => lane.DurableOffset >= lane.PositionOffset));

        // For each of ten SKUs: three receipts of 10, three sales of 2, three reservations of 1.
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        var positions = new List<StockPosition>();
        await foreach (var position in store.ScanAsync(default))
        {
            positions.Add(position);
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"JS-{i}"), positions.Select(p => p.SkuId).Order(StringComparer.Ordinal));
        Assert.All(positions, p => Assert.Equal(("DC-ÄÖÜ", 24L, 3L), (p.LocationId, p.State.OnHand, p.State.Reserved)));

        using var client = servers.ClickHouseClient();
        Assert.Equal(60, await client.QueryScalarAsync<long>("SELECT count() FROM ledger_current WHERE attributes['till'] = '7'"));
        Assert.Equal(90, await client.QueryScalarAsync<long>("SELECT countIf(unit_price = 12.3456 AND currency = 'EUR') FROM ledger_current"));
    }
}
