using System.Threading.Tasks.Dataflow;
using Stockflow.Model;
using Stockflow.Source;

namespace Stockflow;

/// <summary>A running chain of blocks: what the source posts to, and how it is stopped.</summary>
internal sealed class Lane(LaneStatus status, ProcessorStatus processor, long startOffset) : ILane, IDisposable
{
    private static readonly TimeSpan DurablePoll = TimeSpan.FromMilliseconds(20);
    private readonly CancellationTokenSource stop = new();
    private ITargetBlock<RecordBatch> positions = null!;
    private TransformBlock<RecordBatch, RecordBatch> input = null!;
    private long posted = startOffset;

    public LaneStatus Status { get; } = status;

    public IdTable Ids { get; } = new();

    public long StartOffset { get; } = startOffset;

    public int Waiting => input.InputCount;

    public Task Completion { get; private set; } = null!;

    /// <summary>Ends when the lane is aborted; not with the process's own token, so that a stopping process drains.</summary>
    public CancellationToken Stopping => stop.Token;

    public void Start(TransformBlock<RecordBatch, RecordBatch> first, ITargetBlock<RecordBatch> position, Task completion)
    {
        input = first;
        positions = position;
        Completion = completion;
    }

    public bool TryPost(RecordBatch batch)
    {
        var next = batch.NextOffset;
        if (!input.Post(batch))
        {
            return false;
        }

        posted = next;
        return true;
    }

    public bool TryPostAgain(RecordBatch batch) => input.Post(batch);

    /// <summary>An empty batch makes the position stage look at what waits for it besides records. Is there no room, those before it do so.</summary>
    public bool Check(CaughtUp? caughtUp = null) => positions.Post(new RecordBatch(0, 0) { Lane = Status, Ids = Ids, CaughtUp = caughtUp });

    public async Task DrainAsync(CancellationToken token)
    {
        input.Complete();
        Interlocked.Increment(ref processor.Draining);
        try
        {
            await Completion.WaitAsync(token);
            while (Status.DurableOffset < posted && Status.HistoryGap == 0 && processor.HistoryConnected)
            {
                await Task.Delay(DurablePoll, token);
            }
        }
        finally
        {
            Interlocked.Decrement(ref processor.Draining);
        }
    }

    public void Abort() => stop.Cancel();

    public void Dispose() => stop.Dispose();
}
