using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>Encoded events of the generated load as the source hands them on, and what is known about them.</summary>
internal static class EventBatches
{
    /// <summary>Good events in full batches of one lane of one partition.</summary>
    /// <param name="options">The load; its shares of flawed events and repeats are left out, because their handling is allowed to cost more.</param>
    /// <param name="events">Events, rounded up to full batches.</param>
    /// <param name="batchRecords">Records of a batch.</param>
    /// <param name="catalog">What the events speak of.</param>
    /// <param name="count">Is told each event, if there is one.</param>
    public static RecordBatch[] Create(GeneratorOptions options, long events, int batchRecords, out GeneratorCatalog catalog, Action<GeneratedFact>? count = null)
    {
        var generatorOptions = options with { InvalidShare = 0, DuplicateShare = 0 };
        var generator = new Generator(generatorOptions);
        catalog = generator.Catalog;
        var encoder = Encoder(catalog, generatorOptions);
        var ids = new IdTable();
        var lane = new LaneStatus { Topic = Servers.Topic, Partition = 0 };
        var batches = new RecordBatch[(events + batchRecords - 1) / batchRecords];
        var offset = 0L;
        for (var i = 0; i < batches.Length; i++)
        {
            var batch = batches[i] = new RecordBatch(batchRecords, batchRecords * 256) { Ids = ids, Lane = lane, FromOffset = offset };
            while (!batch.IsFull && generator.TryNext(out var fact))
            {
                encoder.Encode(in fact);
                batch.Add(offset++, fact.IngestTs, encoder.Key, true, encoder.Value, true, null);
                count?.Invoke(fact);
            }
        }

        return batches;
    }

    /// <summary>Encodes events under the id that <see cref="FolderSchemaSource"/> knows their schema by.</summary>
    public static FactEncoder Encoder(GeneratorCatalog catalog, GeneratorOptions options)
    {
        var id = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).First(schema => schema.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal)).Id;
        return new FactEncoder(catalog, options, new FactSchemaIds(id, id));
    }

    /// <summary>Readers of such events, as a processor has them.</summary>
    public static MovementReaders Readers(DecodeOptions options) =>
        new(options, new FolderSchemaSource(SchemaCatalog.DefaultFolder), RunCommand.LoadSchema("InventoryMovement"));

    /// <summary>The reference data that a processor reads from the topics.</summary>
    public static ReferenceCatalog KnownIds(GeneratorCatalog catalog)
    {
        var known = new ReferenceCatalog();
        for (var sku = 0; sku < catalog.SkuIds.Length; sku++)
        {
            known.PutSku(catalog.SkuId(sku), catalog.Stocked[sku]);
        }

        for (var location = 0; location < catalog.LocationIds.Length; location++)
        {
            known.PutLocation(catalog.LocationId(location));
        }

        return known;
    }

    /// <summary>Ends a stage that has no reason to wait.</summary>
    public static void Finish(ValueTask stage)
    {
        if (!stage.IsCompletedSuccessfully)
        {
            throw new WrongResultException("A stage waited, though all that it needs is there.");
        }

        stage.GetAwaiter().GetResult();
    }
}
