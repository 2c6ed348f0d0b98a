using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Serve;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>What tests wait for.</summary>
internal static class Progress
{
    /// <summary>Records applied to the positions in all lanes of a process.</summary>
    public static long Applied(this StatusPayload status) => status.Lanes.Sum(lane => Math.Max(0, lane.PositionOffset));

    /// <summary>Waits until a process has applied so many records of its lanes.</summary>
    public static Task WaitForAppliedAsync(this ProcessorProcess processor, long records) =>
        processor.WaitUntilAsync(status => status.Applied() >= records);

    /// <summary>Waits until a load is wholly in the positions and the history, and no late count waits.</summary>
    public static Task<StatusPayload> WaitForEndAsync(this ProcessorProcess processor, LoadProducer load) => processor.WaitForEndAsync(Ends(load));

    /// <summary>The same, to given end offsets by partition.</summary>
    public static Task<StatusPayload> WaitForEndAsync(this ProcessorProcess processor, IReadOnlyList<long> ends) =>
        processor.WaitUntilAsync(status => IsDone(status.Lanes, ends));

    /// <summary>Whether lanes, perhaps of several processes, have done all and settled all.</summary>
    public static bool IsDone(IEnumerable<LanePayload> lanes, IReadOnlyList<long> ends) =>
        ends.Select((end, partition) => lanes.Any(lane => lane.Partition == partition && lane.PositionOffset >= end && lane.DurableOffset >= end && lane.Unsettled == 0))
            .All(done => done);

    public static IReadOnlyList<long> Ends(LoadProducer load) => [.. Enumerable.Range(0, PipelineServers.Partitions).Select(load.SentTo)];
}
