using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Available-to-promise from dated supply and demand:
/// ATP(t) = min over u in [t, horizon] of (available + inbound due by u - demand due by u). Inbound that is past due is not counted; demand
/// that is past due is. Source: discrete ATP with look-ahead, as in ERP systems.
/// </summary>
internal sealed class AtpReader(IStockStore store)
{
    public Task<(long NowTs, AtpAnswer[] Answers)> ReadAsync(IReadOnlyList<PositionKey> keys, bool dated, CancellationToken token) => store.ReadAsync(keys, dated, token);

    /// <summary>What can be promised of each now, units.</summary>
    public async Task<Dictionary<PositionKey, long>> AvailableAsync(IReadOnlyList<PositionKey> keys, CancellationToken token)
    {
        var (_, answers) = await store.ReadAsync(keys, dated: false, token).ConfigureAwait(false);
        return keys.Select((key, i) => (key, answers[i])).ToDictionary(pair => pair.key, pair => pair.Item2.States is [var state] ? state.Available : 0);
    }

    /// <summary>What can be promised of SKUs now at every location that has any.</summary>
    public async Task<IReadOnlyList<AvailableStock>> AvailableEverywhereAsync(IReadOnlyList<string> skuIds, CancellationToken token)
    {
        var (_, answers) = await store.ReadAsync([.. skuIds.Select(sku => new PositionKey(sku, ""))], dated: false, token).ConfigureAwait(false);
        return [.. answers.SelectMany(answer => answer.States).Where(state => state.Available > 0).Select(state => new AvailableStock(state.SkuId, state.LocationId, state.Available))];
    }

    /// <summary>Units that can be promised for <paramref name="atTs"/>, looking until <paramref name="horizonTs"/>; never below zero.</summary>
    /// <param name="unbuffered">Units free now, below zero too.</param>
    /// <param name="dated">Supply above zero, demand below zero, of this position.</param>
    /// <param name="nowTs">The clock, in milliseconds as the other times.</param>
    /// <param name="atTs">The time of the promise.</param>
    /// <param name="horizonTs">The last time looked at.</param>
    public static long Promise(long unbuffered, IEnumerable<DatedQuantity> dated, long nowTs, long atTs, long horizonTs)
    {
        var free = Math.Max(0, unbuffered);
        long? least = null;
        foreach (var (_, _, _, quantity, dueTs) in dated.Where(d => d.DueTs <= horizonTs && (d.Quantity < 0 || d.DueTs >= nowTs)).OrderBy(d => d.DueTs).ThenByDescending(d => d.Quantity))
        {
            if (dueTs > atTs)
            {
                least = Math.Min(least ?? free, free);
            }

            free += quantity;
        }

        return Math.Max(0, Math.Min(least ?? free, free));
    }
}
