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

    /// <summary>False if the lane is full now.</summary>
    bool TryPost(RecordBatch batch);

    /// <summary>Finishes what was posted, until <paramref name="token"/> ends.</summary>
    Task DrainAsync(CancellationToken token);

    /// <summary>Drops what is not finished. It will be read again.</summary>
    void Abort();
}

/// <summary>Opens a lane.</summary>
/// <param name="partition">Kafka partition.</param>
/// <param name="committed">Offset that the group has committed, or -1.</param>
/// <param name="earliest">First offset that the log still holds.</param>
public delegate Task<ILane> LaneOpener(int partition, long committed, long earliest, CancellationToken token);
