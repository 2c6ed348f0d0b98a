using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Dedupe;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Window;
using Xunit;

namespace Stockflow.Tests;

/// <summary>
/// What the stages of a lane allocate for an event in steady state, exact: the difference between a batch of 4096 and a batch of one.
/// Steady state is ids, positions and sources that were met before, buffers that have grown, and events that need no answer of the ledger.
/// </summary>
public sealed class SteadyStateAllocationTests : IDisposable
{
    private const int LargeBatch = 4096;
    private readonly GeneratorOptions options = new() { InvalidShare = 0, DuplicateShare = 0, Seed = 11 };
    private readonly LaneStatus status = new() { Topic = "t", Partition = 0, NextOffset = 0, DurableOffset = 0 };
    private readonly IdTable ids = new();
    private readonly CancellationTokenSource stop = new();
    private readonly RecordBatch small, large;
    private readonly DecodeStage decode;
    private readonly ValidateStage validate;
    private long offset, fingerprint = 1;

    public SteadyStateAllocationTests()
    {
        var schema = AvroSchema.Parse(File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc")));
        decode = new DecodeStage(new DecodeOptions(), new MovementReaders(new DecodeOptions(), new FolderSchemaSource(SchemaCatalog.DefaultFolder), schema), 0, TimeProvider.System, NullLogger.Instance);
        var generator = new Generator(options);
        validate = new ValidateStage(new DecodeOptions(), Catalog(generator.Catalog), _ => Task.CompletedTask, 0, 1, TimeProvider.System);
        small = NewBatch(generator, 1);
        large = NewBatch(generator, LargeBatch);
        foreach (var batch in (ReadOnlySpan<RecordBatch>)[small, large])
        {
            Decode(batch);
            Validate(batch);
            Assert.Empty(batch.Rejections);
        }
    }

    [Fact]
    public void Decoding() => AssertNothingForAnEvent(Decode);

    [Fact]
    public void Validation() => AssertNothingForAnEvent(Validate);

    [Fact]
    public void The_duplicate_check_of_new_events()
    {
        var dedupe = new DedupeStage(new DedupeOptions(), status, TimeProvider.System);

        AssertNothingForAnEvent(batch =>
        {
            for (var i = 0; i < batch.Count; i++)
            {
                batch.Movements[i].Fingerprint = Fingerprint();
            }

            dedupe.Apply(batch);
        });

        Assert.Equal(LargeBatch, large.Verdicts.AsSpan(0, LargeBatch).Count(Verdict.Accepted));
    }

    [Fact]
    public void The_duplicate_check_of_repeated_events()
    {
        var dedupe = new DedupeStage(new DedupeOptions(), status, TimeProvider.System);

        AssertNothingForAnEvent(dedupe.Apply);

        Assert.Equal(LargeBatch, large.Verdicts.AsSpan(0, LargeBatch).Count(Verdict.Duplicate));
    }

    [Fact]
    public void The_watermark()
    {
        var watermark = new WatermarkStage(new WindowOptions(), status, TimeProvider.System);

        AssertNothingForAnEvent(batch =>
        {
            Accept(batch);
            watermark.Apply(batch, 0);
        });

        Assert.True(status.WatermarkTs > 0);
    }

    [Fact]
    public async Task Applying_to_positions()
    {
        await using var store = new MemoryPositionStore(TimeProvider.System);
        var accepting = new AcceptingStore(store);
        var positions = new PositionStage(new PositionOptions(), accepting, new NoLedger(), status, ids, TimeProvider.System, NullLogger.Instance);
        positions.Open(await accepting.AcquireAsync(0, CancellationToken.None), 0, stop.Token);

        AssertNothingForAnEvent(batch =>
        {
            Accept(batch);
            Assert.True(positions.ApplyAsync(batch, static _ => { }, stop.Token).IsCompletedSuccessfully);
        });

        Assert.True(accepting.Positions > 0);
        Assert.Equal(0, status.Unsettled);
        await stop.CancelAsync();
    }

    [Fact]
    public void Rows_of_the_history()
    {
        var raw = new RawBlock();
        var ledger = new LedgerBlock();
        var rows = Enumerable.Range(0, LargeBatch).ToArray();

        AssertNothingForAnEvent(batch =>
        {
            Accept(batch);
            raw.Block.Clear();
            ledger.Block.Clear();
            raw.Append(batch, rows.AsSpan(0, batch.Count));
            ledger.Append(batch, rows.AsSpan(0, batch.Count));
        });

        Assert.Equal(LargeBatch, ledger.Block.Rows);
    }

    [Fact]
    public void Refilling_a_batch() => AssertNothingForAnEvent(batch =>
    {
        var count = batch.Count;
        ReadOnlySpan<byte> value = stackalloc byte[120];
        batch.Clear();
        for (var i = 0; i < count; i++)
        {
            batch.Add(i, 0, "sku-1"u8, true, value, true, null);
        }
    });

    [Fact]
    public void An_allocation_would_be_seen()
    {
        object? kept = null;

        Assert.Equal(24.0, BytesForAnEvent(batch =>
        {
            for (var i = 0; i < batch.Count; i++)
            {
                kept = new object();
            }
        }));
        Assert.NotNull(kept);
    }

    public void Dispose() => stop.Dispose();

    private void AssertNothingForAnEvent(Action<RecordBatch> stage) => Assert.Equal(0.0, BytesForAnEvent(stage));

    private double BytesForAnEvent(Action<RecordBatch> stage)
    {
        // The first passes meet new ids and grow the buffers.
        Cost(large);
        Cost(small);
        var one = Cost(small);
        return (double)(Cost(large) - one) / (LargeBatch - 1);

        long Cost(RecordBatch batch) => Allocations.Least(() =>
        {
            batch.Verdicts.AsSpan().Clear();
            batch.FromOffset = offset;
            for (var i = 0; i < batch.Count; i++)
            {
                batch.Records[i].Offset = offset++;
            }

            batch.NextOffset = offset;
            stage(batch);
        });
    }

    private static void Accept(RecordBatch batch) => batch.Verdicts.AsSpan(0, batch.Count).Fill(Verdict.Accepted);

    private UInt128 Fingerprint()
    {
        fingerprint++;
        return SipHash128.Hash(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<long>(ref fingerprint)));
    }

    private void Decode(RecordBatch batch) => Finish(decode.ApplyAsync(batch, CancellationToken.None));

    private void Validate(RecordBatch batch) => Finish(validate.ApplyAsync(batch, CancellationToken.None));

    private static void Finish(ValueTask stage)
    {
        Assert.True(stage.IsCompletedSuccessfully);
        stage.GetAwaiter().GetResult();
    }

    private static ReferenceCatalog Catalog(GeneratorCatalog generated)
    {
        var catalog = new ReferenceCatalog();
        for (var sku = 0; sku < generated.SkuIds.Length; sku++)
        {
            catalog.PutSku(generated.SkuId(sku), generated.Stocked[sku]);
        }

        for (var location = 0; location < generated.LocationIds.Length; location++)
        {
            catalog.PutLocation(generated.LocationId(location));
        }

        return catalog;
    }

    // Late counts and corrections are left out: they ask the ledger.
    private RecordBatch NewBatch(Generator generator, int records)
    {
        var id = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(schema => schema.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal)).Id;
        var encoder = new FactEncoder(generator.Catalog, options, new FactSchemaIds(id, id));
        var batch = new RecordBatch(records, records * 256) { Ids = ids, Lane = status };
        while (!batch.IsFull && generator.TryNext(out var fact))
        {
            if (fact.Type is not (MovementType.CycleCount or MovementType.Correction))
            {
                encoder.Encode(in fact);
                batch.Add(batch.Count, fact.IngestTs, encoder.Key, true, encoder.Value, true, null);
            }
        }

        return batch;
    }

    private sealed class NoLedger : ILedgerReader
    {
        public Task<IReadOnlyList<LedgerAnswer>> AskAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token) =>
            throw new InvalidOperationException("There is nothing to settle.");
    }

    /// <summary>Takes every commit and counts its positions; what a store allocates is its own.</summary>
    private sealed class AcceptingStore(IPositionStore store) : IPositionStore
    {
        private static readonly Task<CommitOutcome> Applied = Task.FromResult(CommitOutcome.Applied);

        public long Positions { get; private set; }

        public bool OutlivesProcess => store.OutlivesProcess;

        public Task CheckAsync(CancellationToken token) => store.CheckAsync(token);

        public Task<bool> PinPartitionsAsync(string topic, int partitions, CancellationToken token) => store.PinPartitionsAsync(topic, partitions, token);

        public Task<LaneRecord> AcquireAsync(int partition, CancellationToken token) => store.AcquireAsync(partition, token);

        public Task<bool> IsOwnerAsync(int partition, long epoch, CancellationToken token) => store.IsOwnerAsync(partition, epoch, token);

        public IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(int partition, CancellationToken token) => store.LoadSeenAsync(partition, token);

        public Task LoadAsync(int partition, IdTable ids, ReadOnlyMemory<(int Sku, int Location)> keys, Memory<PositionState> states, CancellationToken token) =>
            store.LoadAsync(partition, ids, keys, states, token);

        public Task<CommitOutcome> CommitAsync(LaneCommit commit, CancellationToken token)
        {
            Positions += commit.Positions.Count;
            return Applied;
        }

        public Task<IReadOnlyDictionary<int, LaneMarks>> MarksAsync(int partitions, CancellationToken token) => store.MarksAsync(partitions, token);

        public Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token) => store.GetAsync(skuId, token);

        public Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token) => store.GetAsync(skuId, locationId, token);

        public IAsyncEnumerable<StockPosition> ScanAsync(CancellationToken token) => store.ScanAsync(token);

        public ValueTask DisposeAsync() => store.DisposeAsync();
    }
}
