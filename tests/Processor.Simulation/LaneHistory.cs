using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>One record of a simulated log; its place in the log is its offset.</summary>
internal readonly record struct LogRecord(
    int Event, bool IsBroken, bool IsUncertain, MovementType Type, long EventTs, long Qty, long Counted, int Sku, int Location, int Counterpart)
{
    public bool Stocked => Sku != LaneHistory.ServiceSku;
}

/// <summary>What a position should hold.</summary>
internal readonly record struct ExpectedPosition(long OnHand, long Unsellable, long Reserved, long In, long Out);

/// <summary>
/// A random log of one partition with duplicates, broken records, late counts and equal times, and what must come of it. It knows
/// the rules of inventory, and nothing of the processor.
/// </summary>
internal sealed class LaneHistory
{
    public const int ServiceSku = 2, Skus = 3, Locations = 3;

    private static readonly MovementType[] Types =
    [
        MovementType.Sale, MovementType.Sale, MovementType.Return, MovementType.Receipt, MovementType.Adjustment, MovementType.CycleCount,
        MovementType.CycleCount, MovementType.Damage, MovementType.Reserve, MovementType.Release, MovementType.Ship, MovementType.Rtv,
        MovementType.TransferOut, MovementType.TransferIn, MovementType.Correction,
    ];

    public LaneHistory(Random random, bool uncertain)
    {
        var length = random.Next(5, 80);
        for (var i = 0; i < length; i++)
        {
            Log.Add(Log.Count > 0 && random.Next(6) == 0 ? Log[random.Next(Log.Count)] : Make(random, i, uncertain));
        }
    }

    public List<LogRecord> Log { get; } = [];

    /// <summary>On-hand by the movements at <paramref name="offsets"/>: the last count and what came after it in event time.</summary>
    public LedgerOnHand OnHand(int sku, int location, IEnumerable<long> offsets)
    {
        var rows = offsets.Select(offset => Log[(int)offset]).Where(r => r.Sku == sku && r.Location == location).ToArray();
        var count = rows.Where(r => r.Type == MovementType.CycleCount).OrderBy(r => r.EventTs).ThenBy(r => r.Counted).LastOrDefault();
        var onHand = count.Counted;
        foreach (var row in rows)
        {
            var moves = row.Type is not (MovementType.CycleCount or MovementType.Damage or MovementType.Reserve or MovementType.Release);
            onHand += moves && row.EventTs > count.EventTs ? row.Qty : 0;
        }

        return new LedgerOnHand(onHand, count.EventTs, count.Counted);
    }

    /// <summary>The position that the movements at <paramref name="offsets"/> lead to, or null if none touches it.</summary>
    public ExpectedPosition? Position(int sku, int location, IReadOnlyCollection<long> offsets)
    {
        long unsellable = 0, reserved = 0, comingIn = 0, goingOut = 0;
        var touched = false;
        foreach (var offset in offsets)
        {
            var row = Log[(int)offset];
            if (row.Sku != sku || !row.Stocked)
            {
                continue;
            }

            if (row.Location == location)
            {
                touched = true;
                unsellable -= row.Type == MovementType.Damage ? row.Qty : 0;
                reserved -= row.Type is MovementType.Reserve or MovementType.Release ? row.Qty : 0;
                reserved += row.Type == MovementType.Ship ? row.Qty : 0;
                goingOut -= row.Type == MovementType.TransferOut ? row.Qty : 0;
                comingIn -= row.Type == MovementType.TransferIn ? row.Qty : 0;
            }
            else if (row.Counterpart == location)
            {
                touched = true;
                comingIn -= row.Type == MovementType.TransferOut ? row.Qty : 0;
                goingOut -= row.Type == MovementType.TransferIn ? row.Qty : 0;
            }
        }

        return touched ? new ExpectedPosition(OnHand(sku, location, offsets).OnHand, unsellable, reserved, comingIn, goingOut) : null;
    }

    public UInt128 Fingerprint(long offset) => SipHash128.Hash(System.Text.Encoding.UTF8.GetBytes($"event-{Log[(int)offset].Event}"));

    public static string SkuId(int sku) => $"SKU-{sku}";

    public static string LocationId(int location) => $"LOC-{location}";

    /// <summary>The number at the end of an id.</summary>
    public static int Number(string id) => id[^1] - '0';

    private static LogRecord Make(Random random, int number, bool uncertain)
    {
        var type = Types[random.Next(Types.Length)];
        var location = random.Next(Locations);
        var isTransfer = type is MovementType.TransferOut or MovementType.TransferIn;
        var leaves = type is MovementType.Sale or MovementType.Reserve or MovementType.Ship or MovementType.Rtv or MovementType.TransferOut;
        long qty = random.Next(1, 9);
        return new LogRecord(
            number,
            random.Next(12) == 0,
            uncertain && random.Next(4) == 0,
            type,
            // Few different times, so that late and equal ones are common.
            random.Next(1, 14),
            type == MovementType.CycleCount ? 0 : leaves ? -qty : qty,
            type == MovementType.CycleCount ? random.Next(0, 30) : 0,
            random.Next(8) == 0 ? ServiceSku : random.Next(ServiceSku),
            location,
            isTransfer ? (location + 1 + random.Next(Locations - 1)) % Locations : -1);
    }
}
