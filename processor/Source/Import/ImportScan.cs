using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// What the first pass over a file learns: how long it is, which SKUs and locations it names (their records must be known before the
/// first movement), and which sales its cancellations will ask for.
/// </summary>
public sealed class ImportScan(ImportMapping mapping)
{
    private readonly Dictionary<string, SkuFact> skus = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LocationFact> locations = new(StringComparer.Ordinal);

    public long Rows { get; private set; }

    /// <summary>Bytes of the content, unpacked.</summary>
    public long ContentBytes { get; set; }

    /// <summary>SHA-256 of the file.</summary>
    public string FileHash { get; set; } = "";

    /// <summary>Latest event time, milliseconds since 1970-01-01 UTC; the reference records' time, so that a second import writes the same.</summary>
    public long LatestTs { get; private set; }

    public IReadOnlyDictionary<string, SkuFact> Skus => skus;

    public IReadOnlyDictionary<string, LocationFact> Locations => locations;

    public CancellationTie? Tie { get; } = mapping.Tie is null ? null : new CancellationTie(mapping.Tie);

    /// <summary>Takes a record that the mapper mapped or refused.</summary>
    public void Add(RawRow row, RowScope scope, ImportMovement? movement)
    {
        Rows = row.Number;
        if (movement is null)
        {
            return;
        }

        LatestTs = Math.Max(LatestTs, movement.EventTs);
        Tie?.Plan(row, movement.Class);
        if (mapping.Reference is not { } rules)
        {
            return;
        }

        if (rules.SkuName is { } template)
        {
            AddSku(rules, template, scope, movement);
        }

        if (rules.WritesLocations && !locations.ContainsKey(movement.LocationId))
        {
            Check(locations.Count);
            locations.Add(movement.LocationId, rules.Locations.TryGetValue(movement.LocationId, out var known)
                ? known
                : new LocationFact(movement.LocationId, movement.LocationId, "UNKNOWN", null, "UTC"));
        }
    }

    private static void Check(int count)
    {
        if (count >= ImportLimits.References)
        {
            throw new SetupException($"the file names more than {ImportLimits.References} SKUs or locations; split it.");
        }
    }

    private void AddSku(ReferenceRules rules, ValueTemplate template, RowScope scope, ImportMovement movement)
    {
        if (!skus.TryGetValue(movement.SkuId, out var fact))
        {
            Check(skus.Count);
            skus.Add(movement.SkuId, fact = new SkuFact(movement.Kind));
        }

        if (rules.NameClasses.Count == 0 || rules.NameClasses.Contains(movement.Class))
        {
            var name = (template.Evaluate(scope) ?? "").Trim();
            if (name.Length > 0)
            {
                fact.Count(name);
            }
        }
    }
}
