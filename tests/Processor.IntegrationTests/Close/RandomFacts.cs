using Stockflow.Model;

namespace Stockflow.IntegrationTests.Close;

/// <summary>Random histories of one SKU: few places and hours, so that counts, corrections and equal times meet.</summary>
internal static class RandomFacts
{
    private const long Minute = 60_000, Hour = 60 * Minute, Day = 24 * Hour;

    private static readonly MovementType[] Types =
    [
        MovementType.Sale, MovementType.Sale, MovementType.Sale, MovementType.Ship, MovementType.Return, MovementType.Receipt, MovementType.TransferOut,
        MovementType.TransferIn, MovementType.Adjustment, MovementType.CycleCount, MovementType.Rtv, MovementType.Damage, MovementType.Reserve, MovementType.Release,
        MovementType.Correction, MovementType.Correction, MovementType.Correction,
    ];

    /// <summary>Facts with the time at which each arrives: most soon after they happened, some up to 30 days late.</summary>
    public static List<(long ArrivalTs, CloseFact Fact)> Of(string sku, int seed, long start)
    {
        var random = new Random(seed);
        var facts = new List<(long, CloseFact)>();
        var hours = Enumerable.Range(0, 6).Select(_ => start + (random.Next(36 * 24) * Hour)).ToArray();
        var count = random.Next(4, 24);
        for (var i = 0; i < count; i++)
        {
            var type = Types[random.Next(Types.Length)];
            var ts = random.Next(3) == 0 ? start + random.NextInt64(36 * Day) : hours[random.Next(hours.Length)] + (random.Next(4) * 20 * Minute);
            var location = random.Next(3);
            long qty = random.Next(1, 6);
            var leaves = type is MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship
                || (type is MovementType.Adjustment or MovementType.Damage && random.Next(2) == 0);
            var fact = new CloseFact(type, ts, leaves ? -qty : qty, $"{sku}-{i}")
            {
                Sku = sku,
                Location = $"L{location}",
                Stocked = seed % 13 != 0,
                Reference = $"R{random.Next(3)}",
                Price = random.Next(4) == 0 ? null : random.Next(100, 999) / 100m,
                Discount = random.Next(4) == 0 ? 0.25m : 0,
                Promo = random.Next(4) == 0 ? "P" : "",
            };
            fact = type switch
            {
                MovementType.CycleCount => fact with { Qty = 0, Counted = random.Next(12) },
                MovementType.TransferOut or MovementType.TransferIn => fact with { Counterpart = $"L{(location + 1 + random.Next(2)) % 3}" },
                // Of any other event, one that comes later or never included.
                MovementType.Correction => fact with { Qty = random.Next(2) == 0 ? 0 : random.Next(-2, 3), Corrects = $"{sku}-{random.Next(count + 1)}" },
                _ => fact,
            };
            facts.Add((ts + (random.Next(3) == 0 ? random.NextInt64(30 * Day) : random.NextInt64(Hour)), fact));
        }

        return facts;
    }
}
