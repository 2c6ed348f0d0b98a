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

    private static Slot Attached(long at)
    {
        var slot = new Slot(new TopicPartition("t", 0)) { Opening = Task.FromException<ILane>(new InvalidOperationException()) };
        slot.Attach(new OpenLane(at));
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

        public void Check()
        {
        }

        public Task DrainAsync(CancellationToken token) => Task.CompletedTask;

        public void Abort()
        {
        }
    }
}
