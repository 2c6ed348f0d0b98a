using System.Text;
using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>Fills the <see cref="ReferenceCatalog"/> from records of the reference topics. A record that can not be read is logged and leaves the catalogue as it is.</summary>
public sealed class ReferenceStage(ISchemaSource schemas, AvroSchema skuSchema, ReferenceCatalog catalog, TimeProvider time, ILogger logger)
{
    public const string SkuTopic = "reference.sku", LocationTopic = "reference.location";
    private readonly Dictionary<int, RecordReader> readers = [];
    private readonly AvroSlot[] slots = new AvroSlot[skuSchema.Fields.Count];
    private readonly int stockedSlot = skuSchema.Fields.ToList().FindIndex(f => f.Name == "stocked");

    public async ValueTask ApplyAsync(string topic, int partition, long offset, byte[] key, byte[]? value, CancellationToken token)
    {
        var problem = key.Length == 0
            ? "its key is empty; the key must be the id"
            : topic == LocationTopic ? PutLocation(Encoding.UTF8.GetString(key), value) : await PutSkuAsync(Encoding.UTF8.GetString(key), value, token);
        if (problem is not null)
        {
            logger.ReferenceIgnored(topic, partition, offset, problem);
        }
    }

    private string? PutLocation(string id, byte[]? value)
    {
        if (value is null)
        {
            catalog.RemoveLocation(id);
        }
        else
        {
            catalog.PutLocation(id);
        }

        return null;
    }

    private async ValueTask<string?> PutSkuAsync(string id, byte[]? value, CancellationToken token)
    {
        if (value is null)
        {
            catalog.RemoveSku(id);
            return null;
        }

        var (stocked, problem) = await ReadStockedAsync(value, token);
        if (problem is null)
        {
            catalog.PutSku(id, stocked);
        }

        return problem;
    }

    private async ValueTask<(bool Stocked, string? Problem)> ReadStockedAsync(byte[] value, CancellationToken token)
    {
        if (value.Length < ConfluentFrame.Size || value[0] != 0)
        {
            return (false, "its value is not in the Confluent wire format");
        }

        var id = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(value.AsSpan(1));
        if (!readers.TryGetValue(id, out var reader))
        {
            if (await schemas.WaitForAsync(id, time, logger, token) is not { } writer)
            {
                return (false, $"the registry has no schema {id}");
            }

            try
            {
                readers[id] = reader = RecordReader.Compile(writer, skuSchema);
            }
            catch (AvroException e)
            {
                return (false, e.Message);
            }
        }

        var result = reader.TryRead(value.AsSpan(ConfluentFrame.Size), slots);
        return result.IsOk ? (slots[stockedSlot].Long != 0, null) : (false, result.Message);
    }
}
