using System.Collections.Concurrent;

namespace Stockflow.Commands;

/// <summary>Waits until what the positions hold is in the ledger too: until the group has committed that far. Safe for use from several tasks.</summary>
internal sealed class DurableOffsets(GroupOffsets offsets, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);
    private readonly ConcurrentDictionary<int, long> committed = [];

    /// <summary>False if a partition does not get to <paramref name="offset"/> within the bound.</summary>
    public async Task<bool> WaitAsync(int partition, long offset, TimeSpan bound, CancellationToken token)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            if (committed.GetValueOrDefault(partition, -1) >= offset || (committed[partition] = (await offsets.ReadAsync(partition)).Committed) >= offset)
            {
                return true;
            }

            if (time.GetElapsedTime(started) >= bound)
            {
                return false;
            }

            await Task.Delay(Poll, time, token);
        }
    }
}
