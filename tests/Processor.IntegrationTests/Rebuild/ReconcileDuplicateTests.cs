using System.Text;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Serve;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

/// <summary>Events that come again after the duplicate horizon count twice, are found in the ledger, and are netted out by further events.</summary>
[Collection(RebuildCollection.Name)]
public sealed class ReconcileDuplicateTests(SharedClickHouse clickHouse)
{
    private const string Sku = "S-1";
    private static readonly string[] Tiny = ["--dedupe.horizon-hours", "0.0003", "--dedupe.bucket-seconds", "1"];
    private static readonly CatalogSchema Catalog = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(s => s.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal));
    private static readonly AvroSchema Schema = AvroSchema.Parse(Catalog.Text);
    private readonly long start = DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds();
    private int fillers;

    [Fact]
    public async Task A_second_round_of_every_kind_of_movement_is_compensated_until_positions_are_as_before()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceSkuAsync(Sku);
        foreach (var location in new[] { "A", "B", "C" })
        {
            await producer.AnnounceLocationAsync(location);
        }

        await using var processor = await servers.StartProcessorAsync(Tiny);
        var movements = Movements().ToList();
        foreach (var movement in movements)
        {
            await SendAsync(producer, movement);
        }

        await WaitAsync(servers, processor);
        var before = await PositionsAsync(servers);
        await LeaveHorizonAsync(servers, processor, producer);
        foreach (var movement in movements)
        {
            await SendAsync(producer, movement);
        }

        await WaitAsync(servers, processor);
        Assert.NotEqual(before, await PositionsAsync(servers));

        var (code, report) = await ReconcileDriftTests.RunAsync(servers, Tiny);
        Assert.Equal(ExitCode.CheckFailed, code);
        Assert.Equal(movements.Count - 2, report.GetProperty("duplicates").GetInt32());
        Assert.Equal((2, 0, 0), (report.GetProperty("duplicates_without_effect").GetInt32(), report.GetProperty("reused_event_ids").GetInt32(), report.GetProperty("drifting").GetInt32()));
        Assert.Equal(before.Count, (await PositionsAsync(servers)).Count);

        (code, report) = await ReconcileDriftTests.RunAsync(servers, [.. Tiny, "--apply"]);
        Assert.Equal(ExitCode.CheckFailed, code);
        Assert.Equal(movements.Count - 2, report.GetProperty("compensations").GetInt32());
        await WaitAsync(servers, processor);
        Assert.Equal(before, await PositionsAsync(servers));
        Assert.Empty(servers.ReadAll(PipelineServers.DeadLetterTopic, 2));

        (code, report) = await ReconcileDriftTests.RunAsync(servers, [.. Tiny, "--apply"]);
        Assert.True(code == ExitCode.Ok, report.ToString());
        Assert.Equal((movements.Count - 2, 0), (report.GetProperty("duplicates_compensated_before").GetInt32(), report.GetProperty("compensations").GetInt32()));
        using (var client = servers.ClickHouseClient())
        {
            Assert.Equal(movements.Count - 2, await client.QueryScalarAsync<long>("SELECT count() FROM reconciliation FINAL WHERE kind = 'duplicate' AND action = 'compensated'"));
        }

        // The same id for another fact is nobody's duplicate: it is told, and left.
        await LeaveHorizonAsync(servers, processor, producer);
        await SendAsync(producer, Movement(MovementType.Receipt, 1, 99, "C") with { EventId = movements[0].EventId });
        await WaitAsync(servers, processor);
        (code, report) = await ReconcileDriftTests.RunAsync(servers, [.. Tiny, "--apply"]);
        Assert.Equal(ExitCode.CheckFailed, code);
        Assert.Equal((1, 0, 0), (report.GetProperty("reused_event_ids").GetInt32(), report.GetProperty("duplicates").GetInt32(), report.GetProperty("compensations").GetInt32()));
        Assert.Equal(before, await PositionsAsync(servers));
    }

    // Every kind of movement, some before and some after a count.
    private IEnumerable<LedgerFact> Movements()
    {
        yield return Movement(MovementType.Receipt, 1, 100, "A");
        yield return Movement(MovementType.Sale, 2, -3, "A");
        yield return Movement(MovementType.Return, 3, 1, "B");
        yield return Movement(MovementType.TransferOut, 4, -10, "A", "B");
        yield return Movement(MovementType.TransferIn, 5, 6, "B", "A");
        yield return Movement(MovementType.CycleCount, 6, 0, "A") with { CountedQty = 80 };
        yield return Movement(MovementType.Adjustment, 7, -2, "A");
        yield return Movement(MovementType.Rtv, 8, -4, "A");
        yield return Movement(MovementType.Damage, 9, -5, "A");
        yield return Movement(MovementType.Reserve, 10, -7, "A");
        yield return Movement(MovementType.Release, 11, 2, "A");
        yield return Movement(MovementType.Ship, 12, -3, "A");
        yield return Movement(MovementType.Correction, 13, 5, "A");
    }

    private LedgerFact Movement(MovementType type, int second, long qty, string location, string counterpart = "") => new()
    {
        Partition = 0,
        Offset = 0,
        EventId = $"{type}-{second}",
        EventTs = start + (second * 1000),
        SkuId = Sku,
        LocationId = location,
        Type = type,
        QtyDelta = qty,
        SourceSystem = "WMS",
        CounterpartId = counterpart,
        UnitPrice = 1.25m,
        Currency = "EUR",
    };

    private static Task<DeliveryResult<byte[], byte[]>> SendAsync(IProducer<byte[], byte[]> producer, LedgerFact fact)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, Catalog.Id);
        GenericWriter.Write(encoder, Schema, new Dictionary<string, object?>
        {
            ["event_id"] = fact.EventId,
            ["event_ts"] = fact.EventTs,
            ["ingest_ts"] = fact.EventTs,
            ["sku_id"] = fact.SkuId,
            ["location_id"] = fact.LocationId,
            ["movement_type"] = fact.Type.Name(),
            ["qty_delta"] = fact.QtyDelta,
            ["counted_qty"] = fact.CountedQty,
            ["source_system"] = fact.SourceSystem,
            ["reference_id"] = "R-1",
            ["unit_price"] = fact.UnitPrice,
            ["currency"] = fact.Currency,
            ["counterpart_location_id"] = fact.CounterpartId.Length > 0 ? fact.CounterpartId : null,
            ["corrects_event_id"] = fact.Type == MovementType.Correction ? $"{MovementType.Sale}-2" : null,
        });
        return producer.ProduceAsync(PipelineServers.Topic, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(fact.SkuId), Value = encoder.WrittenSpan.ToArray() });
    }

    // The horizon passes with time, and a lane notices it with a commit: records come until the old buckets are gone, and once more.
    private async Task LeaveHorizonAsync(PipelineServers servers, ProcessorProcess processor, IProducer<byte[], byte[]> producer)
    {
        using var connection = await servers.Redis.ConnectAsync();
        var buckets = $"{{inv:{Murmur2.Partition(Encoding.UTF8.GetBytes(Sku), PipelineServers.Partitions)}}}:buckets";
        var old = connection.Database.SetMembers(buckets);
        using var bound = new CancellationTokenSource(ProcessorProcess.Patience);
        do
        {
            bound.Token.ThrowIfCancellationRequested();
            await SendAsync(producer, Movement(MovementType.Receipt, 20, 1, "C") with { EventId = $"filler-{++fillers}" });
            await WaitAsync(servers, processor);
        }
        while (old.Any(bucket => connection.Database.SetContains(buckets, bucket)));
        await SendAsync(producer, Movement(MovementType.Receipt, 20, 1, "C") with { EventId = $"filler-{++fillers}" });
        await WaitAsync(servers, processor);
    }

    private static Task<StatusPayload> WaitAsync(PipelineServers servers, ProcessorProcess processor)
    {
        var log = servers.ReadAll(PipelineServers.Topic, PipelineServers.Partitions);
        return processor.WaitForEndAsync([.. Enumerable.Range(0, PipelineServers.Partitions).Select(p => log.LongCount(record => record.Partition.Value == p))]);
    }

    private static async Task<Dictionary<string, (long, long, long, long, long, long)>> PositionsAsync(PipelineServers servers)
    {
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        return (await store.GetAsync(Sku, default)).Where(p => p.LocationId != "C")
            .ToDictionary(p => p.LocationId, p => (p.State.OnHand, p.State.Unsellable, p.State.Reserved, p.State.InTransitIn, p.State.InTransitOut, p.State.LastCountTs));
    }
}
