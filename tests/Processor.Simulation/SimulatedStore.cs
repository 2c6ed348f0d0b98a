using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>
/// Redis: the memory store, whose answers are those of the Lua scripts, and a log of all changes, so that it can lose a tail of them.
/// Every change is checked as it is made.
/// </summary>
internal sealed class SimulatedStore : SimulatedServer
{
    private readonly World world;
    private readonly FaultPlan plan;
    private readonly Expectation expectation;
    private readonly Mutant mutant;
    private readonly SettableClock clock = new();
    private readonly List<Change> changes = [];
    private MemoryPositionStore inner;

    // Commits in the surviving history, and the marks that they published.
    private long revision;
    private LaneMarks marks;

    public SimulatedStore(World world, FaultPlan plan, Expectation expectation, Mutant mutant)
        : base("redis")
    {
        this.world = world;
        this.plan = plan;
        this.expectation = expectation;
        this.mutant = mutant;
        inner = new MemoryPositionStore(clock);
    }

    /// <summary>Whether a tail was ever lost.</summary>
    public bool HasLostTail { get; private set; }

    /// <summary>Offset after the last record of the surviving history, -1 before the first.</summary>
    public long NextOffset { get; private set; } = -1;

    /// <summary>Epoch of the last acquire in the surviving history.</summary>
    public long Epoch { get; private set; }

    /// <summary>Positions whose late count is not settled, by the surviving history.</summary>
    public HashSet<PositionKey> Unsettled { get; } = [];

    public int Changes => changes.Count;

    /// <summary>Goes back to before its last changes, acquires included.</summary>
    public void LoseTail(int count)
    {
        HasLostTail = true;
        var former = NextOffset;
        var kept = changes[..Math.Max(0, changes.Count - count)];
        changes.Clear();
        expectation.Forget();
        Unsettled.Clear();
        (NextOffset, Epoch, revision, marks) = (-1, 0, 0, default);
        inner = new MemoryPositionStore(clock);
        foreach (var change in kept)
        {
            if (change.Commit is { } commit)
            {
                Violation.ThrowIf(Now(inner.CommitAsync(commit, default)) != CommitOutcome.Applied, "the memory store refuses what it had applied");
                Note(commit, change.At);
            }
            else
            {
                Acquire(change.At);
            }
        }

        world.Count("redis tails lost");
        world.Say(Name, $"has lost its last {count} changes: next {former} -> {NextOffset}, epoch {Epoch}");
    }

    public LaneRecord Acquire()
    {
        if (world.Chance(plan.LostTailAtAcquire))
        {
            world.After(world.Between(0, 6), () => LoseTail(world.Random.Next(2, 6)));
        }

        if (mutant == Mutant.NoNewEpoch && Epoch > 0)
        {
            var copy = new MemoryPositionStore(clock);
            Replay(copy);
            return Now(copy.AcquireAsync(0, default)) with { Epoch = Epoch };
        }

        return Acquire(world.Now);
    }

    public CommitOutcome Commit(LaneCommit commit)
    {
        var (next, epoch, expected) = (NextOffset, Epoch, revision);
        var isForced = mutant == Mutant.NoOffsetCheck && commit.Epoch == epoch;
        var tried = new LaneCommit
        {
            Partition = commit.Partition,
            Epoch = mutant == Mutant.NoEpochCheck ? epoch : commit.Epoch,
            ExpectedOffset = isForced ? next : commit.ExpectedOffset,
        };
        CopyTo(tried, commit);
        tried.Revision = isForced || mutant == Mutant.NoRevision ? expected : commit.Revision;
        var outcome = Now(inner.CommitAsync(tried, default));
        var changed = outcome == CommitOutcome.Applied && tried.ExpectedOffset == next && tried.Revision == expected;
        world.Say(Name, $"commit {commit.ExpectedOffset}->{commit.NextOffset} of epoch {commit.Epoch}: {outcome}{(changed ? "" : ", nothing changed")}");
        world.Count(changed ? "commits applied" : outcome == CommitOutcome.Applied ? "commits found applied" : $"commits refused, {outcome}");
        if (changed)
        {
            Violation.ThrowIf(commit.Epoch != epoch, $"A commit of epoch {commit.Epoch} changed the store, though epoch {epoch} has the lane.");
            Violation.ThrowIf(commit.ExpectedOffset != next, $"A commit of {commit.ExpectedOffset}->{commit.NextOffset} was applied where the store stood at {next}.");
            Note(tried, world.Now);
            expectation.CheckWrites(tried, Unsettled);
        }

        return outcome;
    }

    public bool IsOwner(long epoch) => Now(inner.IsOwnerAsync(0, epoch, default));

    /// <summary>
    /// Positions and fingerprints made anew from the ledger's rows below the group's commit, where the lane then goes on; every older epoch is
    /// refused from then on.
    /// </summary>
    public void Rebuild(LaneCommit state)
    {
        changes.Clear();
        expectation.Forget();
        Unsettled.Clear();
        (NextOffset, revision, marks) = (-1, 0, default);
        inner = new MemoryPositionStore(clock);
        Epoch = 0;
        var record = Acquire(world.Now);
        var commit = new LaneCommit { Partition = 0, Epoch = record.Epoch, ExpectedOffset = -1 };
        CopyTo(commit, state);
        commit.Bucket = world.Now.ToUnixTimeSeconds() / 3600;
        Violation.ThrowIf(Commit(commit) != CommitOutcome.Applied, "The rebuilt state was not taken.");
        world.Count("rebuilds");
        world.Say(Name, $"rebuilt up to {NextOffset}");
    }

    public List<long> Buckets() => Seen().ConvertAll(bucket => bucket.Bucket);

    public SeenEntry[] Bucket(long bucket) => Seen().Find(b => b.Bucket == bucket).Entries ?? [];

    public PositionState[] Load(IReadOnlyList<PositionKey> keys)
    {
        var states = new PositionState[keys.Count];
        for (var i = 0; i < states.Length; i++)
        {
            states[i] = Now(inner.GetAsync(keys[i].SkuId, keys[i].LocationId, default))?.State ?? default;
        }

        return states;
    }

    public List<StockPosition> Positions() => All(inner.ScanAsync(default));

    public List<(long Bucket, SeenEntry[] Entries)> Seen() => All(inner.LoadSeenAsync(0, default));

    /// <summary>Requests are copied when they are sent: the lane uses its commit again.</summary>
    public static LaneCommit Copy(LaneCommit commit)
    {
        var copy = new LaneCommit { Partition = commit.Partition, Epoch = commit.Epoch, ExpectedOffset = commit.ExpectedOffset };
        CopyTo(copy, commit);
        return copy;
    }

    private static void CopyTo(LaneCommit copy, LaneCommit commit)
    {
        copy.NextOffset = commit.NextOffset;
        copy.Revision = commit.Revision;
        copy.Ids = commit.Ids;
        copy.Bucket = commit.Bucket;
        copy.Marks = commit.Marks;
        copy.Seen.AddRange(commit.Seen);
        copy.Positions.AddRange(commit.Positions);
        copy.Settlements.AddRange(commit.Settlements);
        copy.Holds.AddRange(commit.Holds);
        copy.ExpiredBuckets.AddRange(commit.ExpiredBuckets);
        foreach (var (source, ts) in commit.Watermarks)
        {
            copy.Watermarks[source] = ts;
        }
    }

    private LaneRecord Acquire(DateTimeOffset at)
    {
        clock.Time = at;
        var record = Now(inner.AcquireAsync(0, default));
        Violation.ThrowIf(record.Epoch <= Epoch, $"Epoch {record.Epoch} was given out after {Epoch}.");
        Violation.ThrowIf(record.NextOffset != NextOffset, $"The lane's record says {record.NextOffset}, but {NextOffset} was applied.");
        Violation.ThrowIf(record.Marks != marks, $"The lane's record says {record.Marks}, but {marks} was published.");
        Epoch = record.Epoch;
        changes.Add(new Change(at, null));
        return record;
    }

    private void Note(LaneCommit commit, DateTimeOffset at)
    {
        changes.Add(new Change(at, commit));
        revision++;
        Violation.ThrowIf(commit.Marks.WatermarkTs < marks.WatermarkTs || commit.Marks.CloseTs < marks.CloseTs, $"The watermark went back from {marks} to {commit.Marks}.");
        marks = commit.Marks;
        expectation.Apply(commit, NextOffset, at);
        NextOffset = commit.NextOffset;
        foreach (var change in commit.Settlements)
        {
            var key = new PositionKey(commit.Ids.Text(change.Sku), change.Location < 0 ? "" : commit.Ids.Text(change.Location));
            _ = change.Opens ? Unsettled.Add(key) : Unsettled.Remove(key);
        }
    }

    private void Replay(MemoryPositionStore target)
    {
        foreach (var change in changes)
        {
            clock.Time = change.At;
            _ = change.Commit is { } commit ? (object)Now(target.CommitAsync(commit, default)) : Now(target.AcquireAsync(0, default));
        }
    }

    // The memory store never waits.
    private static T Now<T>(Task<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("The memory store waits.");

    private static List<T> All<T>(IAsyncEnumerable<T> items)
    {
        return Now(CollectAsync());

        async Task<List<T>> CollectAsync()
        {
            var all = new List<T>();
            await foreach (var item in items)
            {
                all.Add(item);
            }

            return all;
        }
    }

    private sealed record Change(DateTimeOffset At, LaneCommit? Commit);

    private sealed class SettableClock : TimeProvider
    {
        public DateTimeOffset Time { get; set; }

        public override DateTimeOffset GetUtcNow() => Time;
    }
}
