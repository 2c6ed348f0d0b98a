using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>One partition's chain of blocks, as the source sees it.</summary>
public interface ILane
{
    LaneStatus Status { get; }

    IdTable Ids { get; }

    /// <summary>Where to read from.</summary>
    long StartOffset { get; }

    /// <summary>Batches that wait before the first block.</summary>
    int Waiting { get; }

    /// <summary>Ends when the lane has ended, with the fault that ended it.</summary>
    Task Completion { get; }

    /// <summary>Gives the lane its next records; false if it is full now.</summary>
    bool TryPost(RecordBatch batch);

    /// <summary>Gives the lane records that it has applied before, for the history alone; false if it is full now. From any thread.</summary>
    bool TryPostAgain(RecordBatch batch);

    /// <summary>Makes an idle lane ask the store whether it still owns its place, and tells it that it has caught up; false if it is full now.</summary>
    bool Check(CaughtUp? caughtUp = null);

    /// <summary>Finishes what was posted, until <paramref name="token"/> ends. Does not wait for a history that is away.</summary>
    Task DrainAsync(CancellationToken token);

    /// <summary>Drops what is not finished. It will be read again.</summary>
    void Abort();
}

/// <summary>Opens a lane; waits, for as long as it takes, for a store that does not answer.</summary>
/// <param name="partition">Kafka partition.</param>
/// <param name="committed">Offset that the group has committed, or -1.</param>
/// <param name="earliest">First offset that the log still holds.</param>
public delegate Task<ILane> LaneOpener(int partition, long committed, long earliest, CancellationToken token);
