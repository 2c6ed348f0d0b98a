using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>One assigned partition: the lane, once it is open, and the batches on their way to it. Used by the source's thread alone.</summary>
internal sealed class Slot : IDisposable
{
    private readonly CancellationTokenSource opening = new();
    private readonly Queue<(long End, long Bytes)> inLane = new();
    private long bytesInLane, suspect, emptyAt, suspectEnd;
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

    /// <summary>Offset after the last record that was read.</summary>
    public long ReadOffset { get; set; }

    /// <summary>Whether the client must be put at <see cref="ReadOffset"/> once more before its records are taken.</summary>
    public bool MustSeek { get; set; }

    /// <summary>Whether a record was taken since the lane was attached.</summary>
    public bool HasBegun { get; private set; }

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

    /// <summary>
    /// Whether a record may be taken. A partition is assigned at the log's end, and while the client still asks the broker where that is, the
    /// answer overrules a seek: then the first record is not the one that the lane begins with. A hole in the log looks the same, but the same
    /// record comes again after another seek.
    /// </summary>
    public bool Accepts(long offset)
    {
        if (offset < ReadOffset || MustSeek)
        {
            return false;
        }

        HasBegun |= offset == ReadOffset || offset == suspect;
        (suspect, MustSeek) = (offset, !HasBegun);
        return HasBegun;
    }

    public void Attach(ILane lane)
    {
        Lane = lane;
        (suspect, HasBegun, MustSeek) = (-1, false, false);
        ReadOffset = PostedOffset = lane.StartOffset;
        StoredOffset = lane.Status.CommittedOffset;
        (emptyAt, suspectEnd) = (0, -1);
        Break();
    }

    /// <summary>
    /// A fetch at an offset was empty: the log was read up to there, whether its last ones are records or a transaction's marks. A client that
    /// lost its seek says so of the log's end too; where nothing was read yet, it must therefore say so again, which takes another seek.
    /// </summary>
    public void NoteEmpty(long offset)
    {
        if (!MustSeek && (HasBegun || offset == ReadOffset || offset == suspectEnd))
        {
            emptyAt = offset;
        }

        suspectEnd = offset;
    }

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
