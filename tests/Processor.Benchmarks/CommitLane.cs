using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>One partition's events, decoded, validated and accepted, in batches of one size.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="Ids">The table that the movements' numbers belong to.</param>
/// <param name="Batches">In the order of their offsets; the last one may be short.</param>
internal sealed record CommitLane(int Partition, IdTable Ids, List<RecordBatch> Batches)
{
    /// <summary>Takes the facts through the real decode and validate stages.</summary>
    public static CommitLane Create(
        int partition, int partitions, List<GeneratedFact> facts, int batchRecords, GeneratorOptions options, GeneratorCatalog catalog, ReferenceCatalog known)
    {
        var encoder = EventBatches.Encoder(catalog, options);
        var settings = new DecodeOptions();
        var decode = new DecodeStage(settings, EventBatches.Readers(settings), partition, TimeProvider.System, NullLogger.Instance);
        var validate = new ValidateStage(settings, known, _ => Task.CompletedTask, partition, partitions, TimeProvider.System);
        var lane = new CommitLane(partition, new IdTable(), []);
        for (var start = 0; start < facts.Count; start += batchRecords)
        {
            var count = Math.Min(batchRecords, facts.Count - start);
            var batch = new RecordBatch(count, count * 256) { Ids = lane.Ids, FromOffset = start };
            for (var i = start; i < start + count; i++)
            {
                encoder.Encode(facts[i]);
                batch.Add(i, facts[i].IngestTs, encoder.Key, true, encoder.Value, true, null);
            }

            EventBatches.Finish(decode.ApplyAsync(batch, CancellationToken.None));
            EventBatches.Finish(validate.ApplyAsync(batch, CancellationToken.None));
            WrongResultException.ThrowUnlessEqual("commit: dead letters of good events", 0, batch.Rejections.Count);
            batch.Verdicts.AsSpan(0, count).Fill(Verdict.Accepted);
            lane.Batches.Add(batch);
        }

        return lane;
    }
}
