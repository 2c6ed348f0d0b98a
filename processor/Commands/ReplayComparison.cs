using System.Globalization;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary>Compares a finished replay with the live data as of the same offsets: the ledger's rows within the ranges, and every position.</summary>
internal sealed class ReplayComparison(string topic, LedgerSnapshot liveLedger, ShadowLedger shadow, RedisPositionStore shadowPositions, TextWriter output)
{
    private const int Examples = 5;
    private long positions;

    /// <summary>Prints what differs; true if nothing does.</summary>
    public async Task<bool> RunAsync(IReadOnlyList<OffsetRange> ranges, CancellationToken token)
    {
        var all = new LedgerDifference();
        var drifts = new List<Drift>();
        foreach (var range in ranges)
        {
            if (range.Length > 0)
            {
                var found = await shadow.CompareAsync(range, token);
                all = new LedgerDifference(all.Same + found.Same, all.Changed + found.Changed, all.OnlyLive + found.OnlyLive, all.OnlyReplayed + found.OnlyReplayed);
                if (!found.IsEmpty)
                {
                    var some = await shadow.DifferingOffsetsAsync(range, Examples, token);
                    await TellAsync($"  partition {range.Partition}: {found.Changed:N0} changed, {found.OnlyLive:N0} only live, {found.OnlyReplayed:N0} only replayed; offsets {string.Join(", ", some)}{(some.Count == Examples ? ", ..." : "")}");
                }
            }

            drifts.AddRange(await CompareAsync(range, token));
        }

        foreach (var drift in drifts.Take(20))
        {
            await TellAsync($"  position {drift.Key.SkuId} {drift.Key.LocationId}: {drift.Describe()}");
        }

        await TellAsync($"ledger within the ranges: {all.Same:N0} rows as they were, {all.Changed:N0} changed, {all.OnlyLive:N0} only live, {all.OnlyReplayed:N0} only replayed");
        await TellAsync($"positions at the ranges' ends: {positions:N0} compared, {drifts.Count:N0} would change");
        return all.IsEmpty && drifts.Count == 0;
    }

    // "Found" is what the replay leads to, "expected" what the live ledger leads to.
    private async Task<List<Drift>> CompareAsync(OffsetRange range, CancellationToken token)
    {
        var expected = new Dictionary<PositionKey, PositionState>();
        await foreach (var position in liveLedger.PositionsAsync(new LaneAsOf(topic, range.Partition, range.To), token))
        {
            expected.Add(new PositionKey(position.SkuId, position.LocationId), position.State);
        }

        var drifts = new List<Drift>();
        foreach (var sku in expected.Keys.Select(key => key.SkuId).Distinct().ToList())
        {
            foreach (var (skuId, locationId, state) in await shadowPositions.GetAsync(sku, token))
            {
                var key = new PositionKey(skuId, locationId);
                positions++;
                if (!expected.Remove(key, out var live) || !Drift.AreEqual(state, live))
                {
                    drifts.Add(new Drift(range.Partition, range.To, key, state, live == default ? null : live, IsUnreadable: false));
                }
            }
        }

        positions += expected.Count;
        drifts.AddRange(expected.Select(missing => new Drift(range.Partition, range.To, missing.Key, null, missing.Value, IsUnreadable: false)));
        return drifts;
    }

    private Task TellAsync(FormattableString text) => output.WriteLineAsync(text.ToString(CultureInfo.InvariantCulture));
}
