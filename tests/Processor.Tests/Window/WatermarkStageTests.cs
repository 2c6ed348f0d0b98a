using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.Tests.Window;

public sealed class WatermarkStageTests
{
    private const long Second = 1000, Hour = 3_600_000;
    private static readonly WindowOptions Options = new()
    {
        BoundSeconds = 10,
        BoundSecondsBySource = new Dictionary<string, int> { ["EDI"] = 100 },
        AllowedLatenessSeconds = 3600,
        AllowedLatenessSecondsBySource = new Dictionary<string, int> { ["EDI"] = 7200 },
        IdleSeconds = 60,
    };

    private readonly ManualTime time = new();

    [Fact]
    public void The_watermark_is_the_least_over_the_sources_less_their_bounds()
    {
        var lane = new TestLane(Options, time);
        var now = time.Now;
        lane.Events(("POS", now), ("EDI", now));
        Assert.Equal((now - (100 * Second), now - (100 * Second) - (2 * Hour)), (lane.Status.WatermarkTs, lane.Status.CloseTs));
        lane.Events(("EDI", now + Hour));
        Assert.Equal(now - (10 * Second), lane.Status.WatermarkTs);
        Assert.Equal(now - (100 * Second) - Hour, lane.Status.CloseTs);
    }

    [Fact]
    public void Time_alone_makes_no_source_idle()
    {
        var lane = new TestLane(Options, time);
        var start = time.Now;
        lane.Events(("POS", start), ("WMS", start));
        for (var i = 0; i < 100; i++)
        {
            time.Now += Hour;
            lane.Events(("POS", time.Now));
        }

        Assert.Equal(start - (10 * Second), lane.Status.WatermarkTs);
        Assert.Equal(0, lane.Status.IdleSources);
    }

    [Fact]
    public void Instants_that_do_not_join_on_make_no_source_idle()
    {
        // Between them the partition was paused, or the lane was behind.
        var lane = new TestLane(Options, time);
        var start = time.Now;
        lane.Events(("POS", start));
        for (var i = 0; i < 100; i++)
        {
            time.Now += Hour;
            lane.CaughtUp(null, time.Now);
        }

        Assert.Equal(start - (10 * Second), lane.Status.WatermarkTs);
    }

    [Fact]
    public void A_source_that_falls_silent_is_idle_after_its_time_and_its_clock_goes_on_with_the_wall_clock()
    {
        var lane = new TestLane(Options, time);
        var start = time.Now;
        lane.Events(("POS", start), ("WMS", start));
        lane.CaughtUp(null, start);
        for (var second = 1; second <= 59; second++)
        {
            time.Now += Second;
            lane.Events(("POS", time.Now));
            lane.CaughtUp(time.Now - Second, time.Now);
        }

        Assert.Equal(start - (10 * Second), lane.Status.WatermarkTs);
        Assert.False(lane.Source("WMS").IsIdle);

        time.Now += Second;
        lane.CaughtUp(time.Now - Second, time.Now);
        Assert.True(lane.Source("WMS").IsIdle);
        Assert.Equal(time.Now - Second - (10 * Second), lane.Status.WatermarkTs);

        // Not beyond what the lane is known to have had.
        var known = time.Now;
        time.Now += Hour;
        lane.Events(("POS", time.Now));
        Assert.Equal(known - (10 * Second), lane.Status.WatermarkTs);
    }

    [Fact]
    public void When_all_is_idle_hours_still_close()
    {
        var lane = new TestLane(Options, time);
        var start = time.Now;
        lane.Events(("POS", start), ("EDI", start));
        for (var i = 0; i < 7200; i++)
        {
            time.Now += 2 * Second;
            lane.CaughtUp(time.Now - (2 * Second), time.Now);
        }

        Assert.Equal(time.Now - (100 * Second), lane.Status.WatermarkTs);
        Assert.Equal(time.Now - (100 * Second) - (2 * Hour), lane.Status.CloseTs);
        Assert.Equal(2, lane.Status.IdleSources);
    }

    [Fact]
    public void A_lane_without_a_record_is_idle_after_its_time_too()
    {
        var lane = new TestLane(Options, time);
        lane.CaughtUp(null, time.Now);
        time.Now += 59 * Second;
        lane.CaughtUp(time.Now - (59 * Second), time.Now);
        Assert.Equal(default, lane.Save().Marks);
        time.Now += Second;
        lane.CaughtUp(time.Now - Second, time.Now);
        Assert.Equal(new LaneMarks(time.Now - (10 * Second), time.Now - (10 * Second) - Hour), lane.Save().Marks);
    }

    [Fact]
    public void A_source_that_comes_back_with_older_events_is_late_and_takes_nothing_back()
    {
        var lane = new TestLane(Options, time);
        var start = time.Now;
        lane.Events(("WMS", start));
        time.Now += Hour;
        lane.CaughtUp(start, time.Now);
        var reached = lane.Status.WatermarkTs;
        Assert.Equal(time.Now - (10 * Second), reached);

        lane.Events(("WMS", start + Second), ("POS", time.Now));
        Assert.Equal(reached, lane.Status.WatermarkTs);
        Assert.Equal((1, 1, 0), (lane.Status.Late, lane.Source("WMS").Late, lane.Source("POS").Late));
        Assert.False(lane.Source("WMS").IsIdle);

        // It is waited for again.
        time.Now += Second;
        lane.Events(("POS", time.Now + Hour));
        Assert.Equal(reached, lane.Status.WatermarkTs);
    }

    [Fact]
    public void A_record_that_came_between_two_instants_is_silent_only_since_then()
    {
        var lane = new TestLane(Options, time);
        var start = time.Now;
        time.Now += 50 * Second;
        lane.Events(("POS", start));
        time.Now += 50 * Second;
        lane.CaughtUp(start, time.Now);
        Assert.False(lane.Source("POS").IsIdle);
        time.Now += 10 * Second;
        lane.CaughtUp(time.Now - (10 * Second), time.Now);
        Assert.True(lane.Source("POS").IsIdle);
    }

    [Fact]
    public void Sources_beyond_those_that_are_told_apart_are_told_together_and_still_count()
    {
        var lane = new TestLane(Options, time);
        var now = time.Now;
        lane.Events([.. Enumerable.Range(0, 40).Select(i => ($"S{i}", now + (i * Second)))]);
        Assert.Equal(WatermarkStage.MaximumToldSources + 1, lane.Status.Sources.Length);
        Assert.Equal(now + (32 * Second) - (10 * Second), lane.Source(WatermarkStage.Others).WatermarkTs);
        Assert.Equal(40, lane.Save().Watermarks.Count);

        lane.Events([.. Enumerable.Range(0, 40).Where(i => i != 39).Select(i => ($"S{i}", now + Hour))]);
        Assert.Equal(now + (29 * Second), lane.Status.WatermarkTs);
        lane.Events(("S39", now), ("S38", now), ("S0", now));
        Assert.Equal((3, 2, 1), (lane.Status.Late, lane.Source(WatermarkStage.Others).Late, lane.Source("S0").Late));

        lane.Restart(lane.Save(), keepCounts: true);
        Assert.Equal(WatermarkStage.MaximumToldSources + 1, lane.Status.Sources.Length);
        Assert.Equal(2, lane.Source(WatermarkStage.Others).Late);
        Assert.Equal(now + (29 * Second), lane.Status.WatermarkTs);
    }

    [Theory]
    [InlineData(-1, 3600, 60, 0, "window: the bound")]
    [InlineData(300, -1, 60, 0, "window: the allowed lateness")]
    [InlineData(300, 3600, 0, 0, "window.idleSeconds")]
    [InlineData(300, 3600, 60, 119, "window.maximumDriftSeconds must be 0 for no limit, or from 120 ")]
    [InlineData(300, 3600, 60, -1, "window.maximumDriftSeconds")]
    public void Settings_that_can_not_work_are_named(int bound, int lateness, int idle, int drift, string text)
    {
        var options = new WindowOptions { BoundSeconds = bound, AllowedLatenessSeconds = lateness, IdleSeconds = idle, MaximumDriftSeconds = drift };
        Assert.Contains(text, Assert.Throws<SetupException>(options.Validate).Message, StringComparison.Ordinal);
        new WindowOptions { MaximumDriftSeconds = 120 }.Validate();
        Assert.Throws<SetupException>((Options with { MaximumDriftSeconds = 299 }).Validate);
        (Options with { MaximumDriftSeconds = 300 }).Validate();
    }
}
