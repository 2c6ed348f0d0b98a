using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>Sends raw events to the processor's topic, and knows where they end.</summary>
internal sealed class HistoryFeed(string bootstrap) : IDisposable
{
    private static readonly CatalogSchema Catalog = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(s => s.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal));
    private static readonly AvroSchema Schema = AvroSchema.Parse(Catalog.Text);

    private readonly IProducer<byte[], byte[]> producer = Wire.Producer(bootstrap);
    private readonly long[] ends = new long[PipelineServers.Partitions];

    /// <summary>Makes SKUs and the places known to the processor.</summary>
    public async Task AnnounceAsync(IEnumerable<string> skus)
    {
        foreach (var location in RandomHistory.Places)
        {
            await producer.AnnounceLocationAsync(location);
        }

        await Task.WhenAll(skus.Select(producer.AnnounceSkuAsync));
    }

    /// <summary>Sends events in their order and returns the end offset of each partition.</summary>
    public long[] Send(IEnumerable<RawEvent> events)
    {
        var failures = 0;
        foreach (var one in events)
        {
            producer.Produce(PipelineServers.Topic, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(one.Sku), Value = Encode(one) }, report =>
            {
                failures += report.Error.IsError ? 1 : 0;
                ends[report.Partition.Value] = Math.Max(ends[report.Partition.Value], report.Offset.Value + 1);
            });
        }

        var left = producer.Flush(TimeSpan.FromSeconds(60));
        return left + failures == 0 ? [.. ends] : throw new InvalidOperationException($"{left + failures} events did not reach Kafka.");
    }

    public void Dispose() => producer.Dispose();

    private static byte[] Encode(RawEvent one)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, Catalog.Id);
        GenericWriter.Write(encoder, Schema, new Dictionary<string, object?>
        {
            ["event_id"] = one.EventId,
            ["event_ts"] = one.EventTs,
            ["ingest_ts"] = one.EventTs,
            ["sku_id"] = one.Sku,
            ["location_id"] = one.Location,
            ["movement_type"] = one.Type.Name(),
            ["qty_delta"] = one.Qty,
            ["counted_qty"] = one.Counted,
            ["source_system"] = "WMS",
            ["reference_id"] = one.Reference,
            ["unit_price"] = one.Price,
            ["currency"] = one.Price is null ? null : "GBP",
            ["promo_id"] = one.Promo,
            ["counterpart_location_id"] = one.Counterpart,
            ["corrects_event_id"] = one.Corrects,
            ["attributes"] = one.Discount == 0 ? [] : new Dictionary<string, object?> { ["discount"] = one.Discount.ToString(CultureInfo.InvariantCulture) },
        });
        return encoder.WrittenSpan.ToArray();
    }
}
