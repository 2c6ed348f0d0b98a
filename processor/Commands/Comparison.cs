using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>A position that Redis and the ledger have differently as of one offset; null where one of them has none.</summary>
/// <param name="Partition">The lane.</param>
/// <param name="AsOfOffset">The records below it are in both.</param>
/// <param name="Key">SKU and location.</param>
/// <param name="Found">In Redis; null also where <paramref name="IsUnreadable"/>.</param>
/// <param name="Expected">By the ledger.</param>
/// <param name="IsUnreadable">Redis has a value that is no position.</param>
internal sealed record Drift(int Partition, long AsOfOffset, PositionKey Key, PositionState? Found, PositionState? Expected, bool IsUnreadable)
{
    private static readonly (string Name, Func<PositionState, long> Read)[] Compared =
    [
        ("on_hand", s => s.OnHand), ("unsellable", s => s.Unsellable), ("reserved", s => s.Reserved), ("in_transit_in", s => s.InTransitIn),
        ("in_transit_out", s => s.InTransitOut), ("last_count_ts", s => s.LastCountTs), ("last_count_qty", s => s.LastCountQty),
    ];

    public string Kind => IsUnreadable ? "unreadable" : Found is null ? "missing" : Expected is null ? "ghost" : "differs";

    /// <summary>Fields that tell whether two positions are equal. The version and the last event's time are no facts about stock.</summary>
    public static Dictionary<string, long> Fields(PositionState? state) =>
        state is { } position ? Compared.ToDictionary(field => field.Name, field => field.Read(position)) : [];

    public static bool AreEqual(PositionState? found, PositionState? expected) =>
        found.HasValue == expected.HasValue && (found is not { } a || expected is not { } b || Compared.All(field => field.Read(a) == field.Read(b)));

    /// <summary>The fields that differ, as text for people.</summary>
    public string Describe() => string.Join(", ", Compared
        .Select(field => (field.Name, Found: Found is { } f ? field.Read(f) : (long?)null, Expected: Expected is { } e ? field.Read(e) : (long?)null))
        .Where(field => field.Found != field.Expected && (field.Found ?? 0, field.Expected ?? 0) != (0, 0))
        .Select(field => FormattableString.Invariant($"{field.Name} {field.Found?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"} instead of {field.Expected?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}")));
}

/// <summary>What comparing all positions gave.</summary>
internal sealed class Comparison
{
    /// <summary>Drifting positions that are kept one by one; beyond that they are counted.</summary>
    public const int MaximumKept = 100_000;
    private readonly Lock gate = new();

    public long Compared { get; private set; }

    public long Unsettled { get; private set; }

    public long Drifting { get; private set; }

    public List<Drift> Drifts { get; } = [];

    /// <summary>Lanes that could not be compared, and why.</summary>
    public SortedDictionary<int, string> Incomplete { get; } = [];

    public void Add(long compared, long unsettled, IReadOnlyCollection<Drift> drifts)
    {
        lock (gate)
        {
            Compared += compared;
            Unsettled += unsettled;
            Drifting += drifts.Count;
            Drifts.AddRange(drifts.Take(MaximumKept - Drifts.Count));
        }
    }

    public void Leave(int partition, string reason)
    {
        lock (gate)
        {
            Incomplete.TryAdd(partition, reason);
        }
    }

    public bool IsLeft(int partition)
    {
        lock (gate)
        {
            return Incomplete.ContainsKey(partition);
        }
    }
}
