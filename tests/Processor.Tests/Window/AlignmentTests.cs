using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Source;
using Stockflow.Window;
using Xunit;

namespace Stockflow.Tests.Window;

/// <summary>
/// Lanes with backlogs of hours, silent sources and empty partitions, aligned with each other through the store at the least drift that the
/// settings allow: all is read, in whatever order they get their turns, and nobody runs away. A failing seed is named.
/// </summary>
public sealed class AlignmentTests
{
    private const int Seeds = 300, Lanes = 4, Records = 400, MaximumTurns = 40_000;
    private const long Tick = 500;

    private static readonly WindowOptions Options = new()
    {
        BoundSeconds = 10,
        BoundSecondsBySource = new Dictionary<string, int> { ["EDI"] = 40 },
        IdleSeconds = 20,
        MaximumDriftSeconds = 100,
    };

    [Fact]
    public async Task Lanes_that_wait_for_each_other_read_all_there_is()
    {
        Options.Validate();
        var held = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            held += await RunAsync(seed);
        }

        Assert.True(held > Seeds, $"Lanes were held back only {held} times");
    }

    [Fact]
    public void Without_a_limit_or_a_global_watermark_nobody_waits_and_who_waits_goes_on_at_half_the_limit()
    {
        Assert.False(Alignment.IsAhead(1000, 1, 0, isHeld: false));
        Assert.False(Alignment.IsAhead(1000, 0, 10, isHeld: true));
        Assert.False(Alignment.IsAhead(110, 10, 100, isHeld: false));
        Assert.True(Alignment.IsAhead(111, 10, 100, isHeld: false));
        Assert.True(Alignment.IsAhead(61, 10, 100, isHeld: true));
        Assert.False(Alignment.IsAhead(60, 10, 100, isHeld: true));
    }

    private static async Task<int> RunAsync(int seed)
    {
        var random = new Random(seed);
        var time = new ManualTime();
        await using var store = new MemoryPositionStore(time);
        var status = new ProcessorStatus();
        var global = new GlobalWatermark(store, Lanes, status, time);
        var lanes = new List<AlignedLane>();
        for (var i = 0; i < Lanes; i++)
        {
            lanes.Add(new AlignedLane(await store.AcquireAsync(i, default), i, random, time));
        }

        for (var turn = 0; turn < MaximumTurns; turn++)
        {
            time.Now += Tick;
            foreach (var lane in lanes.Where(_ => random.Next(4) > 0))
            {
                await lane.TurnAsync(store, status.GlobalWatermarkTs);
            }

            if (turn % 4 == 0)
            {
                await global.RefreshAsync(default);
            }

            if (lanes.All(lane => lane.IsDone) && status.GlobalWatermarkTs > time.Now - 120_000)
            {
                return lanes.Sum(lane => lane.Held);
            }
        }

        throw new InvalidOperationException($"Seed {seed}: the lanes stand at {string.Join(", ", lanes)}, the global watermark at {status.GlobalWatermarkTs}");
    }

    private sealed class AlignedLane
    {
        private const long IdleCheck = 4000, EndCheck = 2000;
        private readonly Random random;
        private readonly ManualTime time;
        private readonly TestLane lane;
        private readonly LaneRecord record;
        private readonly int partition;
        private readonly (string Source, long Ts)[] log;
        private int read, commits;
        private long lastCommit, lastEnd;
        private long? since;

        public AlignedLane(LaneRecord record, int partition, Random random, ManualTime time)
        {
            (this.record, this.partition, this.random, this.time) = (record, partition, random, time);
            lane = new TestLane(Options, time);

            // Hours of backlog, none, or sparse; a source may end anywhere in it.
            var start = time.Now - (random.Next(1, 40) * 600_000L);
            var ends = random.Next(1, 100);
            log = new (string, long)[random.Next(4) == 0 ? 0 : random.Next(1, Records)];
            for (var i = 0; i < log.Length; i++)
            {
                var ts = start + ((time.Now - start) * i / log.Length) - random.Next(0, 9000);
                log[i] = (i * 100 / log.Length < ends && random.Next(3) == 0 ? "EDI" : "POS", ts);
            }
        }

        public int Held { get; private set; }

        public bool IsDone => read == log.Length;

        public async Task TurnAsync(MemoryPositionStore store, long globalTs)
        {
            var status = lane.Status;
            var mustWait = Alignment.IsAhead(status.WatermarkTs, globalTs, Options.MaximumDriftMilliseconds, status.Aligning);
            Held += mustWait && !status.Aligning ? 1 : 0;
            status.Aligning = mustWait;
            if (mustWait)
            {
                since = null;
            }
            else if (!IsDone)
            {
                var count = Math.Min(log.Length - read, random.Next(1, 5));
                lane.Events(log[read..(read + count)]);
                read += count;
                since = null;
            }
            else if (time.Now - lastEnd >= EndCheck)
            {
                lane.CaughtUp(since, time.Now);
                since = lastEnd = time.Now;
            }

            // As the position stage: with each batch, else now and then.
            if (!mustWait && !IsDone || time.Now - lastCommit >= IdleCheck)
            {
                lastCommit = time.Now;
                var commit = lane.Save(partition, record.Epoch);
                (commit.ExpectedOffset, commit.NextOffset, commit.Revision) = (commits - 1, commits, commits);
                Assert.Equal(CommitOutcome.Applied, await store.CommitAsync(commit, default));
                commits++;
            }
        }

        public override string ToString() => $"{read}/{log.Length} {lane.Status.WatermarkTs}{(lane.Status.Aligning ? " held" : "")}";
    }
}
