using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>Sends compensating corrections to the movements' topic; each is acknowledged by all replicas.</summary>
internal sealed class CompensationSender : IDisposable
{
    private readonly string topic;
    private readonly (int Id, AvroSchema Schema) schema;
    private readonly IProducer<byte[], byte[]> producer;

    private CompensationSender(string topic, (int Id, AvroSchema Schema) schema, IProducer<byte[], byte[]> producer) =>
        (this.topic, this.schema, this.producer) = (topic, schema, producer);

    /// <exception cref="SetupException">The registry refuses the schema.</exception>
    /// <exception cref="StoreUnavailableException">The registry does not answer.</exception>
    public static async Task<CompensationSender> CreateAsync(ProcessorOptions options, CancellationToken token)
    {
        var entry = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(s => s.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal));
        var schema = AvroSchema.Parse(entry.Text);
        var id = entry.Id;
        if (options.Registry.Urls.Length > 0)
        {
            using var registry = new SchemaRegistryClient(options.Registry);
            id = await registry.RegisterAsync(options.Kafka.Topic + "-value", schema, token);
        }

        var config = new ProducerConfig(options.Kafka.ClientProperties()) { Acks = Acks.All, EnableIdempotence = true, MessageTimeoutMs = 30_000 };
        return new CompensationSender(options.Kafka.Topic, (id, schema),
            new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build());
    }

    /// <exception cref="StoreUnavailableException">The broker did not take it; sending it again is harmless.</exception>
    public async Task SendAsync(LedgerFact duplicate, Compensation compensation, string runId, CancellationToken token)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, schema.Id);
        GenericWriter.Write(encoder, schema.Schema, Fields(duplicate, compensation, runId));
        var message = new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(duplicate.SkuId), Value = encoder.WrittenSpan.ToArray() };
        try
        {
            // The duplicate's own partition is its SKU's.
            await producer.ProduceAsync(new TopicPartition(topic, duplicate.Partition), message, token);
        }
        catch (ProduceException<byte[], byte[]> e)
        {
            throw new StoreUnavailableException($"The broker did not take the compensation of {duplicate.EventId}: {e.Error.Reason}. Run again.", e);
        }
    }

    public void Dispose() => producer.Dispose();

    private static Dictionary<string, object?> Fields(LedgerFact duplicate, Compensation compensation, string runId) => new(StringComparer.Ordinal)
    {
        ["event_id"] = compensation.EventId,
        ["event_ts"] = duplicate.EventTs,
        ["ingest_ts"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        ["sku_id"] = duplicate.SkuId,
        ["location_id"] = compensation.LocationId,
        ["movement_type"] = MovementType.Correction.Name(),
        ["qty_delta"] = compensation.QtyDelta,
        ["source_system"] = duplicate.SourceSystem,
        ["reference_id"] = duplicate.ReferenceId,
        ["unit_price"] = duplicate.UnitPrice,
        ["unit_cost"] = duplicate.UnitCost,
        ["currency"] = duplicate.Currency.Length == 0 ? null : duplicate.Currency,
        ["promo_id"] = duplicate.PromoId.Length == 0 ? null : duplicate.PromoId,
        ["reason"] = Compensation.Reason,
        ["performed_by"] = Compensation.PerformedBy,
        ["corrects_event_id"] = duplicate.EventId,
        ["attributes"] = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["reconcile.run"] = runId,
            ["reconcile.partition"] = duplicate.Partition.ToString(CultureInfo.InvariantCulture),
            ["reconcile.offset"] = duplicate.Offset.ToString(CultureInfo.InvariantCulture),
        },
    };
}
