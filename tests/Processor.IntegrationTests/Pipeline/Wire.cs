using System.Text;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>Single records for the processor's topics, in Confluent's wire format.</summary>
internal static class Wire
{
    private static readonly Dictionary<string, (int Id, AvroSchema Schema)> Schemas = SchemaCatalog.Load(SchemaCatalog.DefaultFolder)
        .ToDictionary(schema => schema.Record, schema => (schema.Id, AvroSchema.Parse(schema.Text)));

    public static IProducer<byte[], byte[]> Producer(string bootstrap) =>
        new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = bootstrap, Acks = Acks.All, Partitioner = Partitioner.Murmur2Random })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    public static Task AnnounceSkuAsync(this IProducer<byte[], byte[]> producer, string sku) =>
        producer.SendAsync("reference.sku", sku, "Sku", new() { ["sku_id"] = sku, ["name"] = sku, ["updated_at"] = Now() });

    public static Task AnnounceLocationAsync(this IProducer<byte[], byte[]> producer, string location) =>
        producer.ProduceAsync("reference.location", new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(location), Value = [] });

    public static Task<DeliveryResult<byte[], byte[]>> MoveAsync(this IProducer<byte[], byte[]> producer, string sku, string location, string eventId, long qty,
        string source = "WMS", DateTimeOffset? at = null) =>
        producer.MoveAsync(sku, location, eventId, new() { ["qty_delta"] = qty, ["source_system"] = source, ["event_ts"] = at ?? Now() });

    /// <summary>A receipt of one unit, but for the given fields.</summary>
    public static Task<DeliveryResult<byte[], byte[]>> MoveAsync(this IProducer<byte[], byte[]> producer, string sku, string location, string eventId, Dictionary<string, object?> given) =>
        producer.MoveAsync(sku, location, eventId, given, null);

    /// <summary>The same with headers.</summary>
    public static Task<DeliveryResult<byte[], byte[]>> MoveAsync(
        this IProducer<byte[], byte[]> producer, string sku, string location, string eventId, Dictionary<string, object?> given, Headers? headers)
    {
        var fields = new Dictionary<string, object?>
        {
            ["event_id"] = eventId,
            ["event_ts"] = Now(),
            ["ingest_ts"] = Now(),
            ["sku_id"] = sku,
            ["location_id"] = location,
            ["movement_type"] = "RECEIPT",
            ["qty_delta"] = 1L,
            ["source_system"] = "WMS",
            ["reference_id"] = "R-1",
        };
        foreach (var (name, value) in given)
        {
            fields[name] = value;
        }

        return producer.SendAsync(PipelineServers.Topic, sku, "InventoryMovement", fields, headers);
    }

    private static DateTimeOffset Now() => DateTimeOffset.UtcNow.AddSeconds(-1);

    public static Task<DeliveryResult<byte[], byte[]>> SendAsync(
        this IProducer<byte[], byte[]> producer, string topic, string key, string record, Dictionary<string, object?> fields, Headers? headers = null)
    {
        var (id, schema) = Schemas["retail.inventory.v1." + record];
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, id);
        GenericWriter.Write(encoder, schema, fields);
        return producer.ProduceAsync(topic, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(key), Value = encoder.WrittenSpan.ToArray(), Headers = headers });
    }
}
