using Stockflow.Model;

namespace Stockflow.Window;

/// <summary>
/// The least of all lanes' marks, whichever process has the lanes, read from the position store from time to time. It is unknown until every
/// lane has published, and never goes back; a store that does not answer leaves it where it is.
/// </summary>
public sealed class GlobalWatermark(IPositionStore store, int partitions, ProcessorStatus status, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>Refreshes it until <paramref name="token"/> ends.</summary>
    public Task RunAsync(CancellationToken token) => Watch.RunAsync(async () =>
    {
        await RefreshAsync(token);
        return Interval;
    }, time, token);

    /// <summary>Reads the marks once.</summary>
    public async Task RefreshAsync(CancellationToken token)
    {
        IReadOnlyDictionary<int, LaneMarks> marks;
        try
        {
            marks = await store.MarksAsync(partitions, token);
        }
        catch (StoreUnavailableException)
        {
            // The lanes report it.
            return;
        }

        if (marks.Count == partitions)
        {
            status.GlobalWatermarkTs = Math.Max(status.GlobalWatermarkTs, marks.Values.Min(lane => lane.WatermarkTs));
            status.GlobalCloseTs = Math.Max(status.GlobalCloseTs, marks.Values.Min(lane => lane.CloseTs));
        }
    }
}
