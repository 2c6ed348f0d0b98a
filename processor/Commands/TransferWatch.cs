using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>Counts unmatched transfers now and then, for the metric that an alert watches.</summary>
internal static class TransferWatch
{
    /// <summary>Runs until <paramref name="token"/> ends. A ClickHouse that does not answer is the history's to report; the former count stands.</summary>
    public static Task RunAsync(TransferOptions options, IClickHouse clickHouse, ProcessorStatus status, TimeProvider time, CancellationToken token)
    {
        var legs = new TransferLegs(clickHouse, options);
        return Watch.RunAsync(async () =>
        {
            try
            {
                if (options.IntervalMinutes > 0 && status.HistoryConnected)
                {
                    status.UnmatchedTransfers = await legs.CountAsync(time.GetUtcNow(), token);
                }
            }
            catch (ClickHouseException)
            {
                // The former count stands.
            }

            return status.UnmatchedTransfers < 0 ? TimeSpan.FromSeconds(30) : TimeSpan.FromMinutes(options.IntervalMinutes);
        }, time, token);
    }
}
