using System.Globalization;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>One raw event, as it is sent and as the oracle reads it.</summary>
internal sealed record RawEvent(
    string EventId, long EventTs, string Sku, string Location, MovementType Type, long Qty, long? Counted, string? Counterpart, string? Corrects,
    string Reference, decimal? Price, decimal Discount, string? Promo)
{
    public Dictionary<string, object?> Json() => new()
    {
        ["event_id"] = EventId,
        ["event_ts"] = EventTs,
        ["sku_id"] = Sku,
        ["location_id"] = Location,
        ["movement_type"] = Type.Name(),
        ["qty_delta"] = Qty,
        ["counted_qty"] = Counted,
        ["counterpart_location_id"] = Counterpart ?? "",
        ["corrects_event_id"] = Corrects ?? "",
        ["reference_id"] = Reference,
        ["unit_price"] = Price,
        ["discount"] = Discount,
        ["promo_id"] = Promo ?? "",
    };
}

/// <summary>
/// A case: the life of one SKU at three places over 40 days, with counts, transfers whose legs are far apart, corrections of anything, also of
/// other corrections, of events of the future and of events that never come. Times are coarse, so that equal ones are common.
/// </summary>
internal static class RandomHistory
{
    public static readonly string[] Places = ["A", "B", "C"];

    private static readonly MovementType[] Types =
    [
        MovementType.Sale, MovementType.Sale, MovementType.Sale, MovementType.Return, MovementType.Receipt, MovementType.Adjustment, MovementType.CycleCount,
        MovementType.Damage, MovementType.Reserve, MovementType.Release, MovementType.Ship, MovementType.Rtv, MovementType.TransferOut, MovementType.TransferIn,
        MovementType.Correction, MovementType.Correction,
    ];

    public static List<RawEvent> Make(int seed, int number, long endTs)
    {
        var random = Seeded(seed, number);
        var sku = Sku(number);
        var count = random.Next(4, 30);
        return [.. Enumerable.Range(0, count).Select(i => One(random, sku, i, count, endTs))];
    }

    /// <summary>Random numbers that are the same in every process.</summary>
    public static Random Seeded(params ReadOnlySpan<int> parts)
    {
        // SplitMix64: neighbouring seeds give unrelated numbers.
        var state = 0UL;
        foreach (var part in parts)
        {
            state += unchecked((uint)part) + 0x9E37_79B9_7F4A_7C15;
            state = (state ^ (state >> 30)) * 0xBF58_476D_1CE4_E5B9;
            state = (state ^ (state >> 27)) * 0x94D0_49BB_1331_11EB;
            state ^= state >> 31;
        }

        return new Random((int)(state & int.MaxValue));
    }

    /// <summary>A case's SKU.</summary>
    public static string Sku(int number) => string.Create(CultureInfo.InvariantCulture, $"CASE-{number:00000}");

    private static RawEvent One(Random random, string sku, int i, int count, long endTs)
    {
        var type = Types[random.Next(Types.Length)];
        var place = random.Next(Places.Length);
        long qty = random.Next(1, 9);
        var leaves = type is MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship
            || (type is MovementType.Adjustment or MovementType.Damage or MovementType.Correction && random.Next(2) == 0);
        var isCorrection = type == MovementType.Correction;
        var isSale = type is MovementType.Sale or MovementType.Ship or MovementType.Return;
        return new RawEvent(
            $"{sku}-{i}",
            // Half of them on few instants of two days, the others anywhere in 40 days.
            random.Next(2) == 0 ? endTs - (random.Next(96) * 1_800_000L) : endTs - random.NextInt64(40L * 86_400_000),
            sku,
            Places[place],
            type,
            type == MovementType.CycleCount || (isCorrection && random.Next(3) == 0) ? 0 : leaves ? -qty : qty,
            type == MovementType.CycleCount ? random.Next(30) : null,
            type is MovementType.TransferOut or MovementType.TransferIn ? Places[(place + 1 + random.Next(2)) % 3] : null,
            isCorrection ? $"{sku}-{(random.Next(12) == 0 ? count + i : random.Next(Math.Max(0, i - 6), Math.Min(count, i + 3)) is var other && other == i ? count + i : other)}" : null,
            $"R-{random.Next(6)}",
            (isSale && random.Next(8) > 0) || (isCorrection && random.Next(4) == 0) ? random.Next(100, 2000) / 100m : null,
            (isSale || isCorrection) && random.Next(4) == 0 ? random.Next(1, 50) / 100m : 0,
            isSale && random.Next(4) == 0 ? "P-1" : null);
    }
}
