using System.Collections.Concurrent;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>
/// Batches for reuse. Bounded by the memory that they hold, because a batch keeps the size that it once grew to: what comes back beyond the
/// bound is left to the collector.
/// </summary>
public sealed class BatchPool(int batchRecords, long boundBytes)
{
    private const int BytesPerRecord = 256;

    /// <summary>A batch whose arena grew beyond this is not kept.</summary>
    private const int MaximumArenaBytes = 16 * 1024 * 1024;

    private readonly ConcurrentQueue<RecordBatch> free = new();
    private long kept;

    public RecordBatch Rent()
    {
        if (free.TryDequeue(out var batch))
        {
            Interlocked.Add(ref kept, -batch.HeldBytes);
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

        if (Interlocked.Add(ref kept, batch.HeldBytes) > boundBytes)
        {
            Interlocked.Add(ref kept, -batch.HeldBytes);
            return;
        }

        free.Enqueue(batch);
    }
}
