using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve;

/// <summary>Makes the status payload from the lanes' marks.</summary>
internal static class StatusReport
{
    public static StatusPayload Of(ProcessorStatus status, QuantileEstimate? freshness)
    {
        var lanes = status.Lanes.Values.OrderBy(lane => lane.Topic, StringComparer.Ordinal).ThenBy(lane => lane.Partition)
            .Select(Lane).ToArray();
        var reasons = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (reason, count) in status.DeadLetterReasons)
        {
            reasons[reason.Code()] = count;
        }

        return new StatusPayload(
            Metrics.Version,
            status.IsReady,
            new TotalsPayload(
                lanes.Sum(lane => lane.Read), lanes.Sum(lane => lane.Accepted), lanes.Sum(lane => lane.Duplicates),
                lanes.Sum(lane => lane.DeadLetters), lanes.Sum(lane => lane.Late), lanes.Sum(lane => lane.Replayed),
                lanes.Sum(lane => lane.Unsettled), lanes.Sum(lane => lane.Lag)),
            reasons,
            lanes.Min(lane => lane.Watermark),
            PositionPayload.Time(status.GlobalWatermarkTs),
            PositionPayload.Time(status.GlobalCloseTs),
            freshness is { } f ? new FreshnessPayload(f.P50, f.P95, f.P99, f.Max) : null,
            lanes);
    }

    public static IReadOnlyList<string> Missing(ProcessorStatus status)
    {
        var missing = new List<string>(3);
        if (!status.SourceConnected)
        {
            missing.Add("source");
        }

        if (!status.PositionsConnected)
        {
            missing.Add("positions");
        }

        if (!status.AwaitingRebuild.IsEmpty)
        {
            missing.Add("rebuild");
        }

        return missing;
    }

    private static LanePayload Lane(LaneStatus lane) => new(
        lane.Topic, lane.Partition, lane.Epoch, lane.Paused, lane.Read, lane.Accepted, lane.Duplicates, lane.DeadLetters, lane.Late,
        lane.Replayed, lane.NegativeOnHand, lane.Unsettled, lane.ReadOffset, lane.NextOffset, lane.DurableOffset, lane.HistoryGap, lane.CommittedOffset,
        lane.EndOffset, lane.Lag, PositionPayload.Time(lane.WatermarkTs), PositionPayload.Time(lane.CloseTs),
        lane.Aligning ? "alignment" : lane.Paused ? "backpressure" : null,
        [.. lane.Sources.Select(source => new SourcePayload(source.Name, PositionPayload.Time(source.WatermarkTs), source.IsIdle, source.Late))]);
}
