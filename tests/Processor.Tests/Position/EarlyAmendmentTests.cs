using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

/// <summary>An amendment that overtook its movement by a little meets it in the lane, and the ledger is not asked.</summary>
public sealed class EarlyAmendmentTests
{
    private const int Sku = 3;
    private static readonly UInt128 Target = 77;
    private static readonly Movement Amendment = new() { Type = MovementType.Correction, Sku = Sku, Fingerprint = 5, QtyDelta = -2, Counterpart = -1 };
    private static readonly Movement Leg = new() { Type = MovementType.TransferOut, Sku = Sku, Fingerprint = Target, Location = 4, Counterpart = 6, EventTs = 99, QtyDelta = -8 };
    private readonly LaneCommit commit = new() { Partition = 0, Epoch = 1, Ids = new IdTable() };
    private readonly RecentMovements recent = new();
    private readonly Settlements settlements;

    public EarlyAmendmentTests()
    {
        for (var id = 0; id < 8; id++)
        {
            commit.Ids.Intern([(byte)('a' + id)]);
        }

        settlements = new Settlements(null!, new LaneStatus { Topic = "t", Partition = 0 }, commit.Ids, recent, TimeProvider.System, NullLogger.Instance);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_acts_at_the_movements_place_and_nothing_is_open(bool isOfLaterBatch)
    {
        settlements.NoteCorrection(Amendment, Target, 10, batchEnd: 11);
        if (isOfLaterBatch)
        {
            settlements.Ask(11, commit);
            Assert.Equal(1, settlements.Count);
        }

        Assert.True(settlements.TryMeet(Leg, commit, out var amendment));
        settlements.Ask(12, commit);

        Assert.Equal((MovementType.TransferOut, Sku, 4, 6, 99, -2), (amendment.Type, amendment.Sku, amendment.Location, amendment.Counterpart, amendment.EventTs, amendment.QtyDelta));
        Assert.Equal(0, settlements.Count);
        Assert.Equal(isOfLaterBatch ? [true, false] : [], commit.Settlements.Select(change => change.Opens));
        Assert.False(settlements.TryMeet(Leg, commit, out _));
    }

    [Fact]
    public void Another_event_is_not_met()
    {
        settlements.NoteCorrection(Amendment, Target, 10, 11);

        Assert.False(settlements.TryMeet(Leg with { Fingerprint = 78 }, commit, out _));
        Assert.False(settlements.TryMeet(Leg with { Sku = Sku + 1 }, commit, out _));
        Assert.False(settlements.TryMeet(Leg with { Type = MovementType.CycleCount }, commit, out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_ledger_is_asked_where_it_has_more_to_tell_about_the_sku(bool isBefore)
    {
        if (isBefore)
        {
            settlements.OpenCount(Leg);
        }

        settlements.NoteCorrection(Amendment, Target, 10, 11);
        if (!isBefore)
        {
            settlements.NoteCorrection(Amendment with { Fingerprint = 6, QtyDelta = 0 }, Target, 11, 12);
        }

        Assert.False(settlements.TryMeet(Leg, commit, out _));
        settlements.Ask(12, commit);
        Assert.Equal(1, settlements.Count);
    }

    [Fact]
    public void An_event_that_a_void_has_named_is_asked_about()
    {
        recent.Bar(Target);
        settlements.NoteCorrection(Amendment, Target, 10, 11);

        Assert.False(settlements.TryMeet(Leg, commit, out _));
    }
}
