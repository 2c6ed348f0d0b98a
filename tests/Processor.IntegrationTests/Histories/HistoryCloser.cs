using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Close;
using Stockflow.Window;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>
/// Closes hours while histories arrive, as a processor does. Passes fail at any statement; then the same process goes on or another one does.
/// What it decides at random does not depend on what has arrived.
/// </summary>
internal sealed class HistoryCloser(IClickHouse clickHouse, string topic, Random random, bool locks)
{
    // Nothing is cut: a case alone is handled by the same statements.
    private static readonly CloseOptions Options = new() { RowsPerStatement = 100_000_000, KeysPerStatement = 1_000_000 };

    private readonly FaultyClickHouse faulty = new(clickHouse);
    private readonly CloseLedger ledger = new(clickHouse, topic);
    private readonly List<(long ThroughTs, Dictionary<string, string> Rows)> locked = [];
    private HourClose? close;
    private int steps;

    /// <summary>Passes that failed.</summary>
    public int Failures { get; private set; }

    /// <summary>Some passes, most of which fail, with a period locked between them perhaps.</summary>
    /// <param name="closeTs">Hours that end until then are closed.</param>
    /// <param name="ends">Offsets by partition that are durable, the latest last; of each partition one of the last two counts.</param>
    public async Task StepAsync(long closeTs, IReadOnlyList<long[]> ends)
    {
        var durable = Enumerable.Range(0, ends[^1].Length).ToDictionary(partition => partition, partition => ends[^(1 + random.Next(2))][partition]);
        await FailAsync(closeTs, durable);
        // There is something to restate from the first step on, and something locked from the second.
        var (isLocked, days, finishes) = (random.Next(2) == 0 || steps == 1, random.Next(5), random.Next(3) > 0 || steps == 0);
        steps++;
        if (locks && isLocked)
        {
            await LockAsync(days);
        }

        if (finishes)
        {
            await RunAsync(closeTs, durable);
        }
    }

    /// <summary>The last passes, after which everything is closed until <paramref name="closeTs"/>. One more changes nothing.</summary>
    public async Task FinishAsync(long closeTs, long[] ends)
    {
        var durable = Enumerable.Range(0, ends.Length).ToDictionary(partition => partition, partition => ends[partition]);
        await FailAsync(closeTs, durable);
        await RunAsync(closeTs, durable);
        close = null;
        var again = await RunAsync(closeTs, durable);
        if (again is not { Keys: 0, Hours: 0, Postings: 0 } || again.ThroughTs != closeTs)
        {
            throw new InvalidOperationException($"One more close was to change nothing and to stand at {closeTs}: {again}");
        }
    }

    /// <summary>SKUs of rows that changed though they were locked.</summary>
    public async Task<List<string>> ChangedLocksAsync()
    {
        var changed = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (throughTs, rows) in locked)
        {
            var now = await ClosedRows.LockedAsync(clickHouse, throughTs);
            changed.UnionWith(rows.Keys.Union(now.Keys).Where(sku => rows.GetValueOrDefault(sku) != now.GetValueOrDefault(sku)));
        }

        return [.. changed];
    }

    private async Task FailAsync(long closeTs, Dictionary<int, long> durable)
    {
        for (var left = random.Next(3); left > 0; left--)
        {
            faulty.FailAt(random.Next(FaultyClickHouse.Statements), random.Next(2) == 0);
            var dies = random.Next(2) == 0;
            try
            {
                await RunAsync(closeTs, durable);
            }
            catch (BreakingClickHouse.BrokeOffException)
            {
                Failures++;
            }

            faulty.Mend();
            close = dies ? null : close;
        }
    }

    private async Task<CloseOutcome> RunAsync(long closeTs, Dictionary<int, long> durable)
    {
        close ??= new HourClose(new CloseLedger(faulty, topic), Options, _ => Task.FromResult(true));
        return await close.RunAsync(closeTs, durable, default);
    }

    private async Task LockAsync(int days)
    {
        var throughTs = ClosePlan.Floor((await ledger.ProgressAsync(default)).ThroughTs, ClosePlan.Day) - (days * ClosePlan.Day);
        if (throughTs > await ledger.LockedThroughAsync(default))
        {
            await ledger.LockAsync(throughTs, "auditor", default);
            locked.Add((throughTs, await ClosedRows.LockedAsync(clickHouse, throughTs)));
        }
    }
}
