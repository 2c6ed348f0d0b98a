using System.Collections.Concurrent;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>Batches for reuse. Bounded: what comes back beyond the bound is left to the collector.</summary>
public sealed class BatchPool(int batchRecords, int bound)
{
    private const int BytesPerRecord = 256;

    /// <summary>A batch whose arena grew beyond this is not kept.</summary>
    private const int MaximumArenaBytes = 16 * 1024 * 1024;

    private readonly ConcurrentQueue<RecordBatch> free = new();
    private int kept;

    public RecordBatch Rent()
    {
        if (free.TryDequeue(out var batch))
        {
            Interlocked.Decrement(ref kept);
            return batch;
        }

        return new RecordBatch(batchRecords, batchRecords * BytesPerRecord);
    }

    public void Return(RecordBatch batch)
    {
        batch.Clear();
        // The empty batch that wakes an idle lane holds no records and is no pool's.
        if (batch.Capacity != batchRecords || batch.Arena.Length > MaximumArenaBytes)
        {
            return;
        }

        if (Interlocked.Increment(ref kept) > bound)
        {
            Interlocked.Decrement(ref kept);
            return;
        }

        free.Enqueue(batch);
    }
}
