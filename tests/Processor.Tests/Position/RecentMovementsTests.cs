using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

public sealed class RecentMovementsTests
{
    private static readonly Movement Correction = new() { Type = MovementType.Correction, Sku = 3, QtyDelta = -2 };

    [Fact]
    public void An_amendment_takes_place_time_and_type_of_what_it_amends()
    {
        var recent = new RecentMovements();
        recent.Add(Sale(10));

        Assert.True(recent.TryAmend(Correction, 10, out var amendment));
        Assert.Equal((MovementType.Sale, 3, 4, -1, 99, -2), (amendment.Type, amendment.Sku, amendment.Location, amendment.Counterpart, amendment.EventTs, amendment.QtyDelta));
    }

    [Fact]
    public void What_is_not_known_is_not_amended()
    {
        var recent = new RecentMovements();
        recent.Add(Sale(10));
        recent.Add(Sale(11) with { Type = MovementType.CycleCount });

        Assert.False(recent.TryAmend(Correction, 11, out _));
        Assert.False(recent.TryAmend(Correction, 12, out _));
        Assert.False(recent.TryAmend(Correction with { Sku = 5 }, 10, out _));
    }

    [Fact]
    public void A_newer_movement_of_the_same_place_takes_it()
    {
        var recent = new RecentMovements();
        recent.Add(Sale(10));
        recent.Add(Sale(10 + RecentMovements.Capacity));

        Assert.False(recent.TryAmend(Correction, 10, out _));
        Assert.True(recent.TryAmend(Correction, 10 + RecentMovements.Capacity, out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_void_has_named_is_never_given_out(bool before)
    {
        var recent = new RecentMovements();
        if (before)
        {
            recent.Bar(10);
        }

        recent.Add(Sale(10));
        recent.Bar(10);
        for (var i = 0; i < RecentMovements.Capacity - 1; i++)
        {
            recent.Bar((UInt128)(1_000_000 + i));
        }

        Assert.False(recent.TryAmend(Correction, 10, out _));
    }

    private static Movement Sale(int fingerprint) =>
        new() { Fingerprint = (UInt128)fingerprint, Type = MovementType.Sale, Sku = 3, Location = 4, Counterpart = -1, EventTs = 99, QtyDelta = -1 };
}
