using Stockflow.History;
using Stockflow.Window;

namespace Stockflow.Commands;

/// <summary>What one pass of the close did. Times are milliseconds since 1970-01-01 UTC.</summary>
/// <param name="ThroughTs">Hours that end until then are closed.</param>
/// <param name="Hours">Hours closed by this pass.</param>
/// <param name="Keys">SKU and location pairs computed again for late or corrected events.</param>
/// <param name="Postings">Rows of locked periods that were posted to.</param>
internal readonly record struct CloseOutcome(long ThroughTs, long Hours, long Keys, long Postings);

/// <summary>
/// Closes hours and days and restates closed ones. Rows come first, the log of restatements next, progress last: a pass that broke off anywhere
/// is done again by the next and ends the same. One process at a time closes; <paramref name="mayWrite"/> says whether it still is this one.
/// </summary>
internal sealed class HourClose(CloseLedger ledger, CloseOptions options, Func<CancellationToken, Task<bool>> mayWrite)
{
    /// <summary>A statement keeps hardly more than one core of the server busy: it is planned in one thread, and so is most of its work on arrays.</summary>
    private const int StatementsAtOnce = 2;

    private readonly long windowMs = options.StockoutRowDays * ClosePlan.Day;

    // Further than what is written down: arrivals that touched no closed hour are not looked at twice while the process lives.
    private (long Run, SortedDictionary<int, long> Offsets)? looked;

    /// <summary>Restates what arrivals have touched and closes the hours that end until <paramref name="closeTs"/>.</summary>
    /// <param name="closeTs">Events before it are not expected any more.</param>
    /// <param name="durable">By partition the offset below which the ledger has every record.</param>
    /// <param name="token">Breaks the pass off.</param>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<CloseOutcome> RunAsync(long closeTs, IReadOnlyDictionary<int, long> durable, CancellationToken token)
    {
        var progress = await ledger.ProgressAsync(token);
        var offsets = ClosePlan.Advance(progress.Offsets, durable);
        if (looked is { } former && former.Run == progress.Run)
        {
            progress = progress with { Offsets = former.Offsets };
            offsets = ClosePlan.Advance(progress.Offsets, durable);
        }

        var keys = progress.ThroughTs > 0 ? await RestateAsync(progress, offsets, token) : 0;
        var postings = keys > 0 ? await ledger.PostingsAsync(progress, token) : 0;
        if (keys > 0)
        {
            await ledger.MarkAsync(progress.Run + 1, done: true, progress.ThroughTs, offsets, token);
            progress = progress with { Run = progress.Run + 1, Offsets = offsets };
        }

        // A close that has begun is finished as far as it meant to go: it has left rows up to there.
        var until = Math.Max(ClosePlan.Floor(closeTs, ClosePlan.Hour), progress.BegunTs);
        var closes = until > progress.ThroughTs;
        if (closes)
        {
            await CloseAsync(progress, until, offsets, token);
        }

        looked = (progress.Run + (closes ? 1 : 0), offsets);
        return new CloseOutcome(Math.Max(until, progress.ThroughTs), closes && progress.ThroughTs > 0 ? (until - progress.ThroughTs) / ClosePlan.Hour : closes ? 1 : 0, keys, postings);
    }

    private async Task CloseAsync(CloseProgress progress, long until, SortedDictionary<int, long> offsets, CancellationToken token)
    {
        await GuardAsync(token);
        await ledger.MarkAsync(progress.Run + 1, done: false, until, offsets, token);
        await CloseAsync(ClosePeriod.Hour, progress, progress.ThroughTs, until, offsets, token);
        await CloseAsync(ClosePeriod.Day, progress, ClosePlan.Floor(progress.ThroughTs, ClosePlan.Day), ClosePlan.Floor(until, ClosePlan.Day), offsets, token);
        await ledger.MarkAsync(progress.Run + 1, done: true, until, offsets, token);
    }

    private async Task CloseAsync(ClosePeriod period, CloseProgress progress, long since, long until, SortedDictionary<int, long> offsets, CancellationToken token)
    {
        if (until <= since)
        {
            return;
        }

        var cuts = await ledger.CutsAsync(period, progress, since, until, windowMs, options.RowsPerStatement, token);

        // When one fails the other is waited for and not cancelled: it might go on in the server beside the next pass.
        await Parallel.ForEachAsync(Enumerable.Range(0, cuts.Count + 1), new ParallelOptions { MaxDegreeOfParallelism = StatementsAtOnce, CancellationToken = token }, async (i, _) =>
        {
            await GuardAsync(token);
            await ledger.CloseAsync(period, progress, since, until, i == 0 ? "" : cuts[i - 1], i == cuts.Count ? "" : cuts[i], windowMs, offsets, token);
        });
    }

    private async Task<long> RestateAsync(CloseProgress progress, SortedDictionary<int, long> offsets, CancellationToken token)
    {
        var locked = await ledger.LockedThroughAsync(token);
        var restated = 0L;
        var touched = new List<RestatedKey>();
        await foreach (var key in ledger.TouchedAsync(progress, offsets, token))
        {
            touched.Add(key);
        }

        foreach (var keys in touched.Chunk(options.KeysPerStatement))
        {
            await GuardAsync(token);
            var part = await ledger.AskAsync(keys, token);
            var since = keys.Min(key => key.FromTs);
            await Task.WhenAll(
                ledger.RestateAsync(ClosePeriod.Hour, part, since, progress.ThroughTs, locked, windowMs, offsets, token),
                ledger.RestateAsync(ClosePeriod.Day, part, since, ClosePlan.Floor(progress.ThroughTs, ClosePlan.Day), locked, windowMs, offsets, token));
            await ledger.LogRestatementsAsync(part, progress, token);
            restated += keys.Length;
        }

        return restated;
    }

    private async Task GuardAsync(CancellationToken token)
    {
        if (!await mayWrite(token))
        {
            throw new OperationCanceledException("Another process closes hours now.");
        }
    }
}
