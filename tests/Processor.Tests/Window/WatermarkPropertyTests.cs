using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.Tests.Window;

/// <summary>Random lives of a lane against a slow and plain model of what the watermark must be. A failing seed is named.</summary>
public sealed class WatermarkPropertyTests
{
    private const int Seeds = 3000, Steps = 60;
    private static readonly string[] Names = ["POS", "WMS", "EDI", "OMS"];

    private static readonly WindowOptions Options = new()
    {
        BoundSeconds = 20,
        BoundSecondsBySource = new Dictionary<string, int> { ["EDI"] = 60, ["OMS"] = 0 },
        AllowedLatenessSeconds = 100,
        AllowedLatenessSecondsBySource = new Dictionary<string, int> { ["POS"] = 500 },
        IdleSeconds = 30,
    };

    [Fact]
    public void Any_interleaving_of_sources_pauses_and_restarts_gives_a_monotone_watermark_that_waits_for_who_is_not_idle()
    {
        var (idle, came, restarts) = (0, 0, 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var run = new Run(new Random(seed));
            try
            {
                for (var step = 0; step < Steps; step++)
                {
                    run.Step();
                }
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
            }

            idle += run.TurnedIdle;
            came += run.CameBack;
            restarts += run.Restarts;
        }

        Assert.True(idle > Seeds && came > Seeds && restarts > Seeds, $"{idle} turned idle, {came} came back, {restarts} restarts: too few to show anything");
    }

    private sealed class Run
    {
        private readonly Random random;
        private readonly ManualTime time = new();
        private readonly TestLane lane;
        private readonly Dictionary<string, Model> models = [];
        private readonly List<(long From, long To)> kept = [];
        private long lateExpected, caughtUp;
        private LaneMarks marks;

        public Run(Random random)
        {
            this.random = random;
            lane = new TestLane(Options, time);
        }

        public int TurnedIdle { get; private set; }

        public int CameBack { get; private set; }

        public int Restarts { get; private set; }

        public void Step()
        {
            // The lane is held back or behind until the next instant, or it keeps up.
            var from = time.Now;
            time.Now += random.Next(0, 15_000);
            switch (random.Next(10))
            {
                case < 4:
                    Events();
                    break;
                case < 8:
                    var last = kept.Count > 0 ? kept[^1].To : (long?)null;
                    var isJoined = last is not null && random.Next(4) > 0;
                    var at = random.Next(3) == 0 ? from : time.Now;
                    if (at < last)
                    {
                        break;
                    }

                    kept.Add((isJoined ? last!.Value : at, at));
                    caughtUp = Math.Max(caughtUp, at);
                    lane.CaughtUp(isJoined ? last : null, at);
                    break;
                case 8:
                    // The wall clock jumps; no evidence, no idleness.
                    time.Now += random.Next(0, 600_000);
                    break;
                default:
                    Restart();
                    break;
            }

            Check();
        }

        private void Events()
        {
            var events = new (string Source, long Ts)[random.Next(1, 6)];
            for (var i = 0; i < events.Length; i++)
            {
                var name = Names[random.Next(Names.Length)];
                var ts = time.Now + random.Next(-300_000, 30_000);
                events[i] = (name, ts);
                lateExpected += ts < marks.WatermarkTs ? 1 : 0;
                var model = models.TryGetValue(name, out var known) ? known : models[name] = new Model();
                CameBack += model.WasIdle ? 1 : 0;
                model.Latest = Math.Max(model.Latest, ts);
                model.Seen = time.Now;
                model.WasIdle = false;
            }

            lane.Events(events);
        }

        private void Restart()
        {
            var stored = lane.Save();
            Assert.Equal(models.ToDictionary(m => m.Key, m => m.Value.Latest), stored.Watermarks);
            lane.Restart(stored);
            Assert.Equal(marks, new LaneMarks(lane.Status.WatermarkTs, lane.Status.CloseTs));
            kept.Clear();
            caughtUp = lateExpected = 0;
            Restarts++;
            foreach (var model in models.Values)
            {
                (model.Seen, model.WasIdle) = (long.MinValue, false);
            }
        }

        private void Check()
        {
            long watermark = long.MaxValue, close = long.MaxValue, active = long.MaxValue;
            foreach (var (name, model) in models)
            {
                var silent = kept.Sum(span => Math.Max(0, span.To - Math.Max(span.From, model.Seen)));
                var isIdle = silent >= 30_000;
                Assert.Equal(isIdle, lane.Source(name).IsIdle);
                TurnedIdle += isIdle && !model.WasIdle ? 1 : 0;
                model.WasIdle = isIdle;
                var bound = name switch { "EDI" => 60_000, "OMS" => 0, _ => 20_000 };
                var mark = (isIdle ? Math.Max(model.Latest, caughtUp) : model.Latest) - bound;
                watermark = Math.Min(watermark, mark);
                close = Math.Min(close, mark - (name == "POS" ? 500_000 : 100_000));
                active = isIdle ? active : Math.Min(active, model.Latest - bound);
            }

            if (models.Count == 0 && kept.Sum(span => span.To - span.From) >= 30_000)
            {
                (watermark, close) = (caughtUp - 20_000, caughtUp - 120_000);
            }

            var next = new LaneMarks(lane.Status.WatermarkTs, lane.Status.CloseTs);
            Assert.True(next.WatermarkTs >= marks.WatermarkTs && next.CloseTs >= marks.CloseTs, "a mark went back");
            Assert.True(next.WatermarkTs <= Math.Max(marks.WatermarkTs, active), "the watermark advanced beyond a source that is not idle");
            Assert.Equal(watermark == long.MaxValue ? marks : new(Math.Max(marks.WatermarkTs, watermark), Math.Max(marks.CloseTs, close)), next);
            Assert.Equal(lateExpected, lane.Status.Late);
            Assert.Equal(lateExpected, lane.Status.Sources.Sum(source => source.Late));
            marks = next;
        }

        private sealed class Model
        {
            public long Latest { get; set; }

            public long Seen { get; set; }

            public bool WasIdle { get; set; }
        }
    }
}
