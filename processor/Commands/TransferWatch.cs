using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>Counts unmatched transfers now and then, for the metric that an alert watches.</summary>
internal static class TransferWatch
{
    /// <summary>Runs until <paramref name="token"/> ends. A ClickHouse that does not answer is the history's to report; the former count stands.</summary>
    public static async Task RunAsync(TransferOptions options, IClickHouse clickHouse, ProcessorStatus status, TimeProvider time, CancellationToken token)
    {
        var legs = new TransferLegs(clickHouse, options);
        try
        {
            while (true)
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

                // Switched off or not connected yet, it only waits: a background task that ends ends the process.
                await Task.Delay(status.UnmatchedTransfers < 0 ? TimeSpan.FromSeconds(30) : TimeSpan.FromMinutes(options.IntervalMinutes), time, token);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // The process stops.
        }
    }
}
