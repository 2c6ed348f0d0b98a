using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Source;
using Xunit;

namespace Stockflow.Tests.Source;

/// <summary>A lane begins with the record that it asked for, or with what follows a hole in the log; never with what a lost seek left.</summary>
public sealed class SlotTests
{
    [Fact]
    public void The_record_that_the_lane_begins_with_is_taken_and_all_after_it()
    {
        using var slot = Attached(at: 5);
        Assert.False(slot.Accepts(4));
        Assert.True(slot.Accepts(5));
        slot.ReadOffset = 6;
        Assert.True(slot.Accepts(9));
        Assert.False(slot.MustSeek);
    }

    [Fact]
    public void A_later_record_is_not_taken_until_a_second_seek_has_led_to_the_same_one()
    {
        using var slot = Attached(at: 5);
        Assert.False(slot.Accepts(8));
        Assert.True(slot.MustSeek);
        Assert.False(slot.Accepts(9));
        slot.MustSeek = false;
        Assert.False(slot.Accepts(11));
        slot.MustSeek = false;
        Assert.True(slot.Accepts(11));
    }

    [Fact]
    public void Where_a_second_seek_leads_to_the_beginning_nothing_is_left_out()
    {
        using var slot = Attached(at: 5);
        Assert.False(slot.Accepts(8));
        slot.MustSeek = false;
        Assert.True(slot.Accepts(5));
    }

    [Fact]
    public void An_empty_fetch_shows_what_was_read_unless_a_lost_seek_may_have_led_there()
    {
        var lane = new OpenLane(5);
        using var slot = Attached(lane);
        lane.Status.NextOffset = 5;
        slot.End = new LogEnd(8, 1, 1);
        slot.NoteEmpty(8);
        slot.TellWhetherCaughtUp();
        Assert.Equal(0, lane.Told);

        // Nothing but a transaction's marks is there: the next seek leads to the same end.
        slot.MustSeek = true;
        slot.NoteEmpty(8);
        slot.TellWhetherCaughtUp();
        Assert.Equal(0, lane.Told);
        slot.MustSeek = false;
        slot.NoteEmpty(8);
        slot.TellWhetherCaughtUp();
        Assert.Equal(1, lane.Told);
    }

    [Theory]
    [InlineData(7, 0, 7, false, 1)]
    [InlineData(6, 7, 6, false, 1)]
    [InlineData(9, 0, 7, false, 1)]
    [InlineData(6, 0, 6, false, 0)]
    [InlineData(9, 0, 6, false, 0)]
    [InlineData(7, 7, 7, true, 0)]
    public void A_lane_is_told_when_it_has_applied_all_that_was_there_and_is_not_held_back(long read, long empty, long applied, bool isPaused, int told)
    {
        var lane = new OpenLane(5);
        using var slot = Attached(lane);
        Assert.True(slot.Accepts(5));
        slot.ReadOffset = read;
        slot.NoteEmpty(empty);
        lane.Status.NextOffset = applied;
        slot.IsPaused = isPaused;
        slot.End = new LogEnd(7, 1, 1);
        slot.TellWhetherCaughtUp();
        Assert.Equal(told, lane.Told);
    }

    private static Slot Attached(long at) => Attached(new OpenLane(at));

    private static Slot Attached(ILane lane)
    {
        var slot = new Slot(new TopicPartition("t", 0)) { Opening = Task.FromException<ILane>(new InvalidOperationException()) };
        slot.Attach(lane);
        return slot;
    }

    private sealed class OpenLane(long start) : ILane
    {
        public LaneStatus Status { get; } = new() { Topic = "t", Partition = 0 };

        public IdTable Ids { get; } = new();

        public long StartOffset => start;

        public int Waiting => 0;

        public Task Completion => Task.CompletedTask;

        public bool TryPost(RecordBatch batch) => true;

        public bool TryPostAgain(RecordBatch batch) => true;

        public bool Check(CaughtUp? caughtUp = null)
        {
            Told += caughtUp is null ? 0 : 1;
            return true;
        }

        public int Told { get; private set; }

        public Task DrainAsync(CancellationToken token) => Task.CompletedTask;

        public void Abort()
        {
        }
    }
}
