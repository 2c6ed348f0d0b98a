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

    // The latest first: it is still in the processor's cache, and only as many batches grow as are in use at once.
    private readonly Stack<RecordBatch> free = [];
    private readonly Lock gate = new();
    private long kept;

    public RecordBatch Rent()
    {
        lock (gate)
        {
            if (free.TryPop(out var batch))
            {
                kept -= batch.HeldBytes;
                return batch;
            }
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

        lock (gate)
        {
            if (kept + batch.HeldBytes <= boundBytes)
            {
                kept += batch.HeldBytes;
                free.Push(batch);
            }
        }
    }
}
