using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>One assigned partition: the lane, once it is open, and the batches on their way to it. Used by the source's thread alone.</summary>
internal sealed class Slot : IDisposable
{
    private readonly CancellationTokenSource opening = new();
    private readonly Queue<(long End, long Bytes)> inLane = new();
    private long bytesInLane, emptyAt;
    private long? caughtUpStamp;

    public Slot(TopicPartition partition)
    {
        Partition = partition;
        Abandoned = opening.Token;
    }

    public TopicPartition Partition { get; }

    public int Number => Partition.Partition.Value;

    /// <summary>Null while it is opened, for the first time or again.</summary>
    public ILane? Lane { get; private set; }

    public Task<ILane> Opening { get; set; } = null!;

    /// <summary>Ends when the partition is taken away before its lane is open.</summary>
    public CancellationToken Abandoned { get; }

    public Queue<RecordBatch> Ready { get; } = new();

    public RecordBatch? Filling { get; set; }

    public long FillingSince { get; set; }

    /// <summary>Whether the client holds the partition back.</summary>
    public bool IsPaused { get; set; }

    /// <summary>Whether the client has been told to read the partition.</summary>
    public bool IsStarted { get; set; }

    /// <summary>Offset after the last record that was read.</summary>
    public long ReadOffset { get; set; }

    /// <summary>
    /// Whether the client has found the log's end, where it was put first. While it asks the broker for it, a seek would be overruled by the
    /// answer, however late that comes, and the records in between would be left out.
    /// </summary>
    public bool IsPlaced { get; set; }

    /// <summary>Offset after the last record that the lane was given.</summary>
    public long PostedOffset { get; private set; }

    /// <summary>What the client will commit next; committed only when the broker has said so.</summary>
    public long StoredOffset { get; set; }

    /// <summary>Where the log ended when the broker was asked, while the lane has not applied all up to there.</summary>
    public LogEnd? End { get; set; }

    /// <summary>Memory of the records that the lane has not applied yet, those that wait for it included, bytes.</summary>
    public long BytesInFlight
    {
        get
        {
            while (inLane.TryPeek(out var first) && first.End <= Lane!.Status.NextOffset)
            {
                bytesInLane -= inLane.Dequeue().Bytes;
            }

            return bytesInLane + (Filling?.MemoryBytes ?? 0) + Ready.Sum(batch => batch.MemoryBytes);
        }
    }

    public void Attach(ILane lane)
    {
        Lane = lane;
        ReadOffset = PostedOffset = lane.StartOffset;
        StoredOffset = lane.Status.CommittedOffset;
        emptyAt = 0;
        Break();
    }

    /// <summary>A fetch at an offset was empty: the log was read up to there, whether its last ones are records or a transaction's marks.</summary>
    public void NoteEmpty(long offset) => emptyAt = offset;

    /// <summary>What follows does not join on to the instant at which the lane had caught up last.</summary>
    public void Break()
    {
        End = null;
        caughtUpStamp = null;
    }

    /// <summary>Tells the lane once it has applied all up to <see cref="End"/>.</summary>
    public void TellWhetherCaughtUp()
    {
        if (End is not { } end || IsPaused || Math.Max(ReadOffset, emptyAt) < end.Offset || Lane!.Status.NextOffset < Math.Min(ReadOffset, end.Offset))
        {
            return;
        }

        // A lane without room for an empty batch is told with the next look.
        if (Lane.Check(new CaughtUp(caughtUpStamp, end.Stamp, end.Ts)))
        {
            caughtUpStamp = end.Stamp;
            End = null;
        }
    }

    /// <summary>Leaves the lane, if there is one; what waits for it will be read again.</summary>
    public void Detach(BatchPool pool)
    {
        Lane?.Abort();
        Lane = null;
        if (Filling is { } batch)
        {
            pool.Return(batch);
            Filling = null;
        }

        while (Ready.TryDequeue(out var waiting))
        {
            pool.Return(waiting);
        }

        inLane.Clear();
        bytesInLane = 0;
    }

    /// <summary>Gives up on opening; a lane that opens all the same is ended.</summary>
    public void Dispose()
    {
        opening.Cancel();
        opening.Dispose();
        _ = Opening.ContinueWith(static task => task.Result.Abort(), CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }

    /// <summary>Posts what is ready, until the lane is full.</summary>
    public void Forward()
    {
        while (Ready.TryPeek(out var batch))
        {
            // A batch that is posted belongs to the lane.
            var (end, bytes) = (batch.NextOffset, batch.MemoryBytes);
            if (!Lane!.TryPost(batch))
            {
                return;
            }

            Ready.Dequeue();
            PostedOffset = end;
            inLane.Enqueue((end, bytes));
            bytesInLane += bytes;
        }
    }
}
