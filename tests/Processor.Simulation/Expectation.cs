using System.Text;
using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>
/// What the store, the ledger and the dead letters must hold, worked out from the log alone. Where verdicts may change with time,
/// the first that the store applied holds, as long as it is one that the rules allow.
/// </summary>
internal sealed class Expectation
{
    private readonly LaneHistory history;
    private readonly FaultPlan plan;
    private readonly HashSet<long> byLog = [];
    private readonly Dictionary<int, long> firsts = [];
    private readonly Dictionary<int, long> earliest = [];
    private readonly Dictionary<long, DateTimeOffset> reads = [];

    public Expectation(LaneHistory history, FaultPlan plan)
    {
        this.history = history;
        this.plan = plan;
        var events = new HashSet<int>();
        for (var offset = 0; offset < history.Log.Count; offset++)
        {
            if (!history.Log[offset].IsBroken && events.Add(history.Log[offset].Event))
            {
                byLog.Add(offset);
            }
        }
    }

    /// <summary>Offsets of the accepted records among those that the store has applied, in its surviving history.</summary>
    public SortedSet<long> Accepted { get; } = [];

    /// <summary>Seconds that fingerprints are kept where they expire during a run, and the size of a bucket.</summary>
    public static int HorizonSeconds => 40;

    public static int BucketSeconds => 10;

    /// <summary>Whether the record must be in the ledger, once the store has applied it.</summary>
    public bool IsAccepted(long offset) => plan.VerdictsChange ? Accepted.Contains(offset) : byLog.Contains(offset);

    /// <summary>A process has read the record: a fingerprint's time may count from here, and not only from its commit.</summary>
    public void Read(long offset, DateTimeOffset at) => reads.TryAdd(offset, at);

    /// <summary>The store has gone back; what it still has will be applied again.</summary>
    public void Forget()
    {
        Accepted.Clear();
        firsts.Clear();
        earliest.Clear();
    }

    /// <summary>The store has applied the records from <paramref name="from"/> on: each of them once, and with the right verdict.</summary>
    public void Apply(LaneCommit commit, long from, DateTimeOffset at)
    {
        var seen = commit.Seen.Select(entry => entry.Offset).ToHashSet();
        Violation.ThrowIf(seen.Count != commit.Seen.Count, "A commit carries an offset twice.");
        foreach (var offset in seen)
        {
            Violation.ThrowIf(Accepted.Contains(offset), $"Offset {offset} was applied a second time.");
            Violation.ThrowIf(offset < Math.Max(0, from) || offset >= commit.NextOffset,
                $"Offset {offset} was applied by a commit of {from}->{commit.NextOffset}.");
        }

        for (var offset = Math.Max(0, from); offset < commit.NextOffset; offset++)
        {
            Judge(offset, seen.Contains(offset), at);
        }
    }

    /// <summary>The values that a commit has written are those that the accepted records lead to.</summary>
    public void CheckWrites(LaneCommit commit, HashSet<PositionKey> unsettled)
    {
        foreach (var write in commit.Positions)
        {
            var key = new PositionKey(commit.Ids.Text(write.Sku), commit.Ids.Text(write.Location));
            if (!unsettled.Contains(key with { LocationId = "" }))
            {
                Check(key, write.State, unsettled.Contains(key));
            }
        }
    }

    public void CheckAll(List<StockPosition> positions)
    {
        foreach (var position in positions)
        {
            Check(new PositionKey(position.SkuId, position.LocationId), position.State, false);
        }

        var expected = Enumerable.Range(0, LaneHistory.Skus * LaneHistory.Locations)
            .Count(i => history.Position(i / LaneHistory.Locations, i % LaneHistory.Locations, Accepted) is not null);
        Violation.ThrowIf(positions.Count != expected, $"There are {positions.Count} positions, expected {expected}.");
    }

    /// <summary>Whether the record was sent to the dead letters and never counted.</summary>
    public bool IsDeadLetter(long offset)
    {
        var record = history.Log[(int)offset];
        return record.IsBroken
            || (record.IsUncertain && !Accepted.Contains(offset) && !(earliest.TryGetValue(record.Event, out var first) && first < offset));
    }

    /// <summary>What a rebuild makes of the ledger's rows: the state of a store that has applied them.</summary>
    public LaneCommit Rebuilt(IReadOnlyList<long> rows, long next)
    {
        var ids = new IdTable();
        var commit = new LaneCommit { Partition = 0, Epoch = 0, NextOffset = next, Ids = ids };
        commit.Seen.AddRange(rows.Select(offset => new SeenEntry(history.Fingerprint(offset), offset)));
        for (var i = 0; i < LaneHistory.Skus * LaneHistory.Locations; i++)
        {
            var (sku, location) = (i / LaneHistory.Locations, i % LaneHistory.Locations);
            if (history.Position(sku, location, rows) is not { } position)
            {
                continue;
            }

            commit.Positions.Add(new PositionWrite(
                ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.SkuId(sku))), ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.LocationId(location))),
                history.State(sku, location, position, rows)));
        }

        foreach (var sku in Enumerable.Range(0, LaneHistory.Skus).Where(sku => sku != LaneHistory.ServiceSku && history.Awaited(sku, rows).Count > 0))
        {
            commit.Holds.Add(new HoldChange(ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.SkuId(sku))), Opens: true));
        }

        return commit;
    }

    private void Judge(long offset, bool accepted, DateTimeOffset at)
    {
        var record = history.Log[(int)offset];
        var known = firsts.TryGetValue(record.Event, out var first);
        var mayHaveExpired = known && plan.ShortHorizon && at - reads[first] > TimeSpan.FromSeconds(HorizonSeconds);
        if (accepted)
        {
            Violation.ThrowIf(record.IsBroken, $"Offset {offset} was accepted, but the record is broken.");
            Violation.ThrowIf(known && !mayHaveExpired, $"Offset {offset} was accepted, but it carries the event of offset {first}.");
            Accepted.Add(offset);
            firsts[record.Event] = offset;
            earliest.TryAdd(record.Event, offset);
        }
        else
        {
            Violation.ThrowIf(!record.IsBroken && !record.IsUncertain && !known, $"Offset {offset} was not accepted, though nothing speaks against it.");
        }
    }

    private void Check(PositionKey key, PositionState found, bool isUnsettled)
    {
        var wanted = history.Position(LaneHistory.Number(key.SkuId), LaneHistory.Number(key.LocationId), Accepted)
            ?? throw new Violation($"{key} should not exist.");
        var state = new ExpectedPosition(isUnsettled ? wanted.OnHand : found.OnHand, found.Unsellable, found.Reserved, found.InTransitIn, found.InTransitOut);
        Violation.ThrowIf(state != wanted, $"{key.SkuId} at {key.LocationId}: expected {wanted}, found {state}.");
    }
}
