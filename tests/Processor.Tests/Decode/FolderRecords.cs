using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Tests.Window;

namespace Stockflow.Tests.Decode;

/// <summary>Records under the schemas of the program's folder, and the stages that read them.</summary>
internal static class FolderRecords
{
    public const long Now = 1_800_000_000_000;

    public static readonly FolderSchemaSource Schemas = new(SchemaCatalog.DefaultFolder);

    public static readonly ManualTime Time = new() { Now = Now };

    public static OrderStage Orders() => new(new DecodeOptions(), Schemas, Schema("OrderEvent"), Time, NullLogger.Instance);

    public static PurchaseOrderStage PurchaseOrders() =>
        new(new DecodeOptions(), Schemas, Schema("PurchaseOrderEvent"), Schema("ShipNotice"), Schema("InboundAppointment"), Time, NullLogger.Instance);

    public static int SchemaId(string name) => SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(entry => Path.GetFileNameWithoutExtension(entry.Path) == name).Id;

    public static AvroSchema Schema(string name) => AvroSchema.Parse(File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, name + ".avsc")));

    public static byte[] Value(string name, IReadOnlyDictionary<string, object?> fields)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, SchemaId(name));
        GenericWriter.Write(encoder, Schema(name), fields);
        return encoder.WrittenSpan.ToArray();
    }

    public static SourceRecord Record(string topic, string? key, byte[]? value) => new(topic, 0, 7, key is null ? null : Encoding.UTF8.GetBytes(key), value, [], Now);

    /// <summary>Sets a field by its place, such as <c>qty</c> or <c>lines[1].qty</c>.</summary>
    public static void Set(Dictionary<string, object?> fields, string place, object? value)
    {
        if (place.StartsWith("lines[", StringComparison.Ordinal))
        {
            var line = (Dictionary<string, object?>)((List<object?>)fields["lines"]!)[place[6] - '0']!;
            line[place[9..]] = value;
        }
        else
        {
            fields[place] = value;
        }
    }

    /// <summary>Damages bytes: cuts, flips, repeats, or makes all of them up behind a schema id.</summary>
    public static byte[] Damage(Random random, byte[] value)
    {
        var bytes = value.ToArray();
        switch (random.Next(5))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                for (var flips = random.Next(1, 6); flips > 0; flips--)
                {
                    bytes[random.Next(5, bytes.Length)] ^= (byte)(1 << random.Next(8));
                }

                return bytes;
            case 2:
                random.NextBytes(bytes.AsSpan(5));
                return bytes;
            case 3:
                random.NextBytes(bytes);
                return bytes;
            default:
                return [.. bytes, .. bytes[random.Next(bytes.Length)..]];
        }
    }
}
