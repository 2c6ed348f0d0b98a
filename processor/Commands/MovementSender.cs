using System.Text;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>Sends the processor's own movements to their topic; each is acknowledged by all replicas.</summary>
internal sealed class MovementSender : IDisposable
{
    private readonly string topic;
    private readonly (int Id, AvroSchema Schema) schema;
    private readonly IProducer<byte[], byte[]> producer;

    private MovementSender(string topic, (int Id, AvroSchema Schema) schema, IProducer<byte[], byte[]> producer) =>
        (this.topic, this.schema, this.producer) = (topic, schema, producer);

    /// <exception cref="SetupException">The registry refuses the schema.</exception>
    /// <exception cref="StoreUnavailableException">The registry does not answer.</exception>
    public static async Task<MovementSender> CreateAsync(ProcessorOptions options, CancellationToken token)
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
        return new MovementSender(options.Kafka.Topic, (id, schema),
            new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build());
    }

    /// <param name="partition">The lane of the SKU.</param>
    /// <param name="skuId">The record's key.</param>
    /// <param name="fields">The movement by the schema's field names.</param>
    /// <param name="token">Ends the wait.</param>
    /// <exception cref="StoreUnavailableException">The broker did not take it; sending it again is harmless.</exception>
    public async Task SendAsync(int partition, string skuId, IReadOnlyDictionary<string, object?> fields, CancellationToken token)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, schema.Id);
        GenericWriter.Write(encoder, schema.Schema, fields);
        var message = new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(skuId), Value = encoder.WrittenSpan.ToArray() };
        using var span = Traces.Publish(topic, message);
        try
        {
            await producer.ProduceAsync(new TopicPartition(topic, partition), message, token);
        }
        catch (ProduceException<byte[], byte[]> e)
        {
            throw new StoreUnavailableException($"The broker did not take {fields["event_id"]}: {e.Error.Reason}. Sending it again is harmless.", e);
        }
    }

    public void Dispose() => producer.Dispose();
}
