using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary>Looks up the last reconciliation's result from time to time, for the processor's metrics.</summary>
internal static class ReconcileWatch
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Runs until <paramref name="token"/> ends. A Redis that does not answer is the lanes' to report.</summary>
    public static async Task RunAsync(PositionOptions options, ProcessorStatus status, TimeProvider time, CancellationToken token)
    {
        await using var redis = new RedisReconcile(options, time);
        await Watch.RunAsync(async () =>
        {
            try
            {
                status.Reconciled = options.Connection == "memory" ? null : await redis.LastAsync(token) ?? status.Reconciled;
            }
            catch (StoreUnavailableException)
            {
                // The former result stands.
            }

            return Interval;
        }, time, token);
    }
}
