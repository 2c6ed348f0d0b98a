namespace Stockflow.Source.Import;

/// <summary>What a file says of one SKU.</summary>
public sealed class SkuFact(SkuKind? kind)
{
    // Beyond these a name is a clerk's note, not a name that could win.
    private const int MaximumNames = 8;
    private readonly List<(string Name, int Count)> names = [];

    public SkuKind? Kind { get; } = kind;

    /// <summary>The name that most records give; the earliest of several; null where none gives any.</summary>
    public string? Name => names.Count == 0 ? null : names.MaxBy(entry => entry.Count).Name;

    public void Count(string name)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i].Name == name)
            {
                names[i] = (name, names[i].Count + 1);
                return;
            }
        }

        if (names.Count < MaximumNames)
        {
            names.Add((name, 1));
        }
    }
}
