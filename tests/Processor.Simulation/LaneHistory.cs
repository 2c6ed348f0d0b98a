using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>One record of a simulated log; its place in the log is its offset.</summary>
internal readonly record struct LogRecord(
    int Event, bool IsBroken, bool IsUncertain, MovementType Type, long EventTs, long Qty, long Counted, int Sku, int Location, int Counterpart, int Corrects)
{
    public bool Moves => Type is not (MovementType.CycleCount or MovementType.Damage or MovementType.Reserve or MovementType.Release or MovementType.Correction);

    public bool IsVoid => Type == MovementType.Correction && Qty == 0;

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
        MovementType.TransferOut, MovementType.TransferIn, MovementType.Correction, MovementType.Correction, MovementType.Correction,
    ];

    /// <param name="forgets">
    /// Duplicates may come beyond the horizon. Those of a correction, and of an event that was voided before, then count until the reconciler has
    /// compensated them: there are none.
    /// </param>
    public LaneHistory(Random random, bool uncertain, bool forgets)
    {
        var length = random.Next(5, 80);
        for (var i = 0; i < length; i++)
        {
            var again = Log.Count > 0 && random.Next(6) == 0 ? Log[random.Next(Log.Count)] : (LogRecord?)null;
            var counts = forgets && again is { } former && (former.Corrects >= 0 || Log.Exists(row => row.IsVoid && row.Corrects == former.Event));
            Log.Add(again is null || counts ? Make(random, i, uncertain, length) : again.Value);
        }
    }

    public List<LogRecord> Log { get; } = [];

    /// <summary>The position that the movements at <paramref name="offsets"/> lead to, or null if none touches it.</summary>
    public ExpectedPosition? Position(int sku, int location, IReadOnlyCollection<long> offsets)
    {
        long unsellable = 0, reserved = 0, comingIn = 0, goingOut = 0;
        var touched = false;
        var rows = Corrected(sku, offsets);
        var count = LastCount(rows, location);
        var onHand = count.Units;
        foreach (var row in rows.Where(row => row.Stocked))
        {
            if (row.Location == location)
            {
                touched = true;
                onHand += row.Moves && row.EventTs > count.Ts ? row.Qty : 0;
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

        return touched ? new ExpectedPosition(onHand, unsellable, reserved, comingIn, goingOut) : null;
    }

    /// <summary>The position as a store or a ledger holds it.</summary>
    public PositionState State(int sku, int location, ExpectedPosition position, IReadOnlyCollection<long> offsets)
    {
        var rows = Corrected(sku, offsets);
        var (countTs, countUnits) = LastCount(rows, location);
        return new PositionState
        {
            OnHand = position.OnHand,
            Unsellable = position.Unsellable,
            Reserved = position.Reserved,
            InTransitIn = position.In,
            InTransitOut = position.Out,
            LastCountTs = countTs,
            LastCountQty = countUnits,
            LastEventTs = rows.Where(row => row.Location == location).Max(row => (long?)row.EventTs) ?? 0,
        };
    }

    /// <summary>Units by which movements after a time change on-hand.</summary>
    public long Since(int sku, int location, long eventTs, IReadOnlyCollection<long> offsets) =>
        Corrected(sku, offsets).Where(row => row.Stocked && row.Location == location && row.Moves && row.EventTs > eventTs).Sum(row => row.Qty);

    /// <summary>The event at the end of a chain of corrections, there or not.</summary>
    public int Root(int sku, int correction, IReadOnlyCollection<long> offsets)
    {
        var corrections = offsets.Select(offset => Log[(int)offset]).Where(row => row.Sku == sku && row.Corrects >= 0).DistinctBy(row => row.Event).ToDictionary(row => row.Event, row => row.Corrects);
        var root = correction;
        for (var step = 0; step <= Log.Count && corrections.TryGetValue(root, out var target); step++)
        {
            root = target;
        }

        return root;
    }

    /// <summary>Events that corrections name, directly or through others, and that are not there.</summary>
    public HashSet<int> Awaited(int sku, IReadOnlyCollection<long> offsets)
    {
        var rows = offsets.Select(offset => Log[(int)offset]).Where(row => row.Sku == sku).ToList();
        return [.. rows.Where(row => row.Corrects >= 0).Select(row => row.Corrects).Where(target => rows.TrueForAll(row => row.Event != target))];
    }

    // Every movement with its corrections worked in, by going down from it to the corrections that name it, and to those that name these.
    // Of an event that counts several times the first row is amended; all are voided. A voided count has -1 units.
    private List<LogRecord> Corrected(int sku, IReadOnlyCollection<long> offsets)
    {
        var rows = offsets.Order().Select(offset => Log[(int)offset]).Where(row => row.Sku == sku).ToList();
        var children = rows.Where(row => row.Corrects >= 0).DistinctBy(row => row.Event).ToLookup(row => row.Corrects);
        var amended = new HashSet<int>();
        var corrected = new List<LogRecord>();
        foreach (var row in rows.Where(row => row.Corrects < 0))
        {
            var isFirst = amended.Add(row.Event);
            var more = isFirst || row.Type == MovementType.CycleCount ? Amendments(row.Event) : 0;
            corrected.Add(row.Type == MovementType.CycleCount
                ? row with { Counted = IsVoided(row.Event) ? -1 : row.Counted + more }
                : row with { Qty = IsVoided(row.Event) ? 0 : row.Qty + more });
        }

        return corrected;

        bool IsVoided(int id) => children[id].Any(child => child.IsVoid && !IsVoided(child.Event));

        long Amendments(int id) => children[id].Where(child => !child.IsVoid && !IsVoided(child.Event)).Sum(child => child.Qty + Amendments(child.Event));
    }

    private static (long Ts, long Units) LastCount(List<LogRecord> corrected, int location)
    {
        var count = corrected.Where(row => row.Type == MovementType.CycleCount && row.Location == location && row.Counted >= 0)
            .OrderBy(row => row.EventTs).ThenBy(row => row.Counted).LastOrDefault();
        return (count.EventTs, count.Counted);
    }

    public static UInt128 EventFingerprint(int number) => SipHash128.Hash(System.Text.Encoding.UTF8.GetBytes(EventId(number)));

    public static string EventId(int number) => $"event-{number}";

    public UInt128 Fingerprint(long offset) => EventFingerprint(Log[(int)offset].Event);

    public static string SkuId(int sku) => $"SKU-{sku}";

    public static string LocationId(int location) => $"LOC-{location}";

    /// <summary>The number at the end of an id.</summary>
    public static int Number(string id) => id[^1] - '0';

    // A correction may come before its event, after it or without it, may name another one, or an event of another SKU.
    private static LogRecord Make(Random random, int number, bool uncertain, int length)
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
            type == MovementType.CycleCount || (type == MovementType.Correction && random.Next(3) == 0) ? 0 : leaves ? -qty : qty,
            type == MovementType.CycleCount ? random.Next(0, 30) : 0,
            random.Next(8) == 0 ? ServiceSku : random.Next(ServiceSku),
            location,
            isTransfer ? (location + 1 + random.Next(Locations - 1)) % Locations : -1,
            type == MovementType.Correction ? Other(random, number, length) : -1);
    }

    // Near ones, so that corrections of corrections are common; a circle is not one that sources make.
    private static int Other(Random random, int number, int length)
    {
        var other = number + random.Next(-6, random.Next(3) == 0 ? 7 : 0);
        return other < 0 || other == number ? length + number : other;
    }
}
