using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

/// <summary>The hot path's allocation, exact: what a batch costs must not grow with its records.</summary>
public sealed class DecodeAllocationTests
{
    private const int LargeBatch = 4096;
    private readonly GeneratorOptions options = new() { InvalidShare = 0, Seed = 11 };
    private readonly FolderSchemaSource schemas = new(SchemaCatalog.DefaultFolder);
    private readonly IdTable ids = new();

    [Fact]
    public void Decoding_allocates_nothing_for_an_event()
    {
        var decode = NewDecode();

        AssertSameCost(batch => Finish(decode.ApplyAsync(batch, CancellationToken.None)));
    }

    [Fact]
    public void Validation_allocates_nothing_for_an_event_with_known_ids()
    {
        var decode = NewDecode();
        var catalog = new ReferenceCatalog();
        var generated = new GeneratorCatalog(options);
        for (var sku = 0; sku < options.Skus; sku++)
        {
            catalog.PutSku(generated.SkuId(sku), generated.Stocked[sku]);
        }

        for (var location = 0; location < options.Locations; location++)
        {
            catalog.PutLocation(generated.LocationId(location));
        }

        var validate = new ValidateStage(new DecodeOptions(), catalog, _ => Task.CompletedTask, 0, 1, TimeProvider.System);

        AssertSameCost(batch =>
        {
            Finish(decode.ApplyAsync(batch, CancellationToken.None));
            Finish(validate.ApplyAsync(batch, CancellationToken.None));
        });
    }

    private void AssertSameCost(Action<RecordBatch> stages)
    {
        var generator = new Generator(options);
        var small = NewBatch(generator, 1);
        var large = NewBatch(generator, LargeBatch);

        // The first pass meets new schemas and ids.
        Cost(large, stages);
        Cost(small, stages);

        Assert.Equal(Cost(small, stages), Cost(large, stages));
        Assert.Empty(large.Rejections);
    }

    private static long Cost(RecordBatch batch, Action<RecordBatch> stages) => Allocations.Least(() =>
    {
        batch.Verdicts.AsSpan().Clear();
        stages(batch);
    });

    private DecodeStage NewDecode()
    {
        var schema = AvroSchema.Parse(File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc")));
        return new DecodeStage(new DecodeOptions(), new MovementReaders(new DecodeOptions(), schemas, schema), 0, TimeProvider.System, NullLogger.Instance);
    }

    private RecordBatch NewBatch(Generator generator, int records)
    {
        var id = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(schema => schema.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal)).Id;
        var encoder = new FactEncoder(generator.Catalog, options, new FactSchemaIds(id, id));
        var batch = new RecordBatch(records, records * 256) { Ids = ids, Lane = new LaneStatus { Topic = "t", Partition = 0 } };
        while (!batch.IsFull && generator.TryNext(out var fact))
        {
            encoder.Encode(in fact);
            batch.Add(batch.Count, fact.IngestTs, encoder.Key, true, encoder.Value, true, null);
        }

        return batch;
    }

    private static void Finish(ValueTask stage)
    {
        Assert.True(stage.IsCompletedSuccessfully);
        stage.GetAwaiter().GetResult();
    }
}
