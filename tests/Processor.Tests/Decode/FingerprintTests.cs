using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

/// <summary>Each movement of a batch has the fingerprint of its own event_id, whatever stands beside it.</summary>
public sealed class FingerprintTests
{
    private static readonly AvroSchema Schema = AvroSchema.Parse(File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc")));

    [Theory]
    [InlineData(36, 36)]
    [InlineData(35, 36)]
    [InlineData(0, 10)]
    [InlineData(1, 128)]
    public async Task Fingerprints_are_those_of_the_ids(int shortest, int longest)
    {
        var random = new Random(longest);
        var id = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(schema => schema.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal)).Id;
        var stage = new DecodeStage(new DecodeOptions(), new MovementReaders(new DecodeOptions(), new FolderSchemaSource(SchemaCatalog.DefaultFolder), Schema), 0, TimeProvider.System, NullLogger.Instance);
        for (var round = 0; round < 100; round++)
        {
            var batch = new RecordBatch(20, 20 * 400) { Ids = new IdTable(), Lane = new LaneStatus { Topic = "t", Partition = 0 } };
            var ids = new string?[random.Next(1, 20)];
            for (var i = 0; i < ids.Length; i++)
            {
                ids[i] = string.Create(random.Next(shortest, longest + 1), random, (text, source) => source.GetItems("0123456789abcdef", text));
                var value = Encode(id, ids[i]!);
                if (random.Next(10) == 0)
                {
                    ids[i] = null;
                    value = value[..^1];
                }

                batch.Add(i, 0, "k"u8, true, value, true, null);
                batch.Movements[i].Fingerprint = 1;
            }

            await stage.ApplyAsync(batch, CancellationToken.None);

            for (var i = 0; i < ids.Length; i++)
            {
                Assert.Equal(ids[i] is null ? Verdict.DeadLetter : Verdict.Pending, batch.Verdicts[i]);
                Assert.Equal(ids[i] is null ? UInt128.Zero : SipHash128.Hash(Encoding.UTF8.GetBytes(ids[i]!)), batch.Movements[i].Fingerprint);
            }
        }
    }

    private static byte[] Encode(int schema, string id)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, schema);
        GenericWriter.Write(encoder, Schema, new Dictionary<string, object?>
        {
            ["event_id"] = id,
            ["event_ts"] = 1_800_000_000_000,
            ["ingest_ts"] = 1_800_000_000_000,
            ["sku_id"] = "S",
            ["location_id"] = "L",
            ["movement_type"] = "SALE",
            ["qty_delta"] = -1L,
            ["source_system"] = "POS",
            ["reference_id"] = "R",
        });
        return encoder.WrittenSpan.ToArray();
    }
}
