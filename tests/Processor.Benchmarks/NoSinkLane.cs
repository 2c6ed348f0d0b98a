using System.Threading.Tasks.Dataflow;
using Stockflow.Model;
using Stockflow.Source;

namespace Stockflow.Benchmarks;

/// <summary>A lane that ends after validation: the same bounded blocks as the processor's, with a count of the verdicts in the place of the sinks.</summary>
internal sealed class NoSinkLane : ILane, IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly TransformBlock<RecordBatch, RecordBatch> input;
    private readonly ActionBlock<RecordBatch> last;

    /// <summary>Links the blocks.</summary>
    /// <param name="status">The lane's marks, at the start of its partition.</param>
    /// <param name="batchesPerBlock">Batches that wait in front of each block.</param>
    /// <param name="decode">First stage.</param>
    /// <param name="validate">Second stage.</param>
    /// <param name="take">Takes each batch at the end; it belongs to it from then on.</param>
    public NoSinkLane(
        LaneStatus status, int batchesPerBlock, Func<RecordBatch, CancellationToken, ValueTask> decode,
        Func<RecordBatch, CancellationToken, ValueTask> validate, Action<RecordBatch> take)
    {
        Status = status;
        var options = new ExecutionDataflowBlockOptions { BoundedCapacity = batchesPerBlock, MaxDegreeOfParallelism = 1, EnsureOrdered = true, CancellationToken = stop.Token };
        input = Block(decode);
        var second = Block(validate);
        last = new ActionBlock<RecordBatch>(batch =>
        {
            Status.NextOffset = Math.Max(Status.NextOffset, batch.NextOffset);
            Status.Written(batch.FromOffset, batch.NextOffset);
            take(batch);
        }, options);
        var link = new DataflowLinkOptions { PropagateCompletion = true };
        input.LinkTo(second, link);
        second.LinkTo(last, link);

        TransformBlock<RecordBatch, RecordBatch> Block(Func<RecordBatch, CancellationToken, ValueTask> stage) => new(async batch =>
        {
            await stage(batch, stop.Token);
            return batch;
        }, options);
    }

    public LaneStatus Status { get; }

    public IdTable Ids { get; } = new();

    public long StartOffset => 0;

    public int Waiting => input.InputCount;

    public Task Completion => last.Completion;

    public bool TryPost(RecordBatch batch) => input.Post(batch);

    public bool TryPostAgain(RecordBatch batch) => input.Post(batch);

    public bool Check(CaughtUp? caughtUp = null) => true;

    public Task DrainAsync(CancellationToken token)
    {
        input.Complete();
        return Completion.WaitAsync(token);
    }

    public void Abort() => stop.Cancel();

    public void Dispose() => stop.Dispose();
}
