using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Reads <c>reference</c> of a mapping file.</summary>
internal static class ReferenceParser
{
    private static readonly (string, string)[] LocationKinds =
        [.. ((string[])["UNKNOWN", "STORE", "DISTRIBUTION_CENTRE", "ECOMMERCE", "VENDOR"]).Select(kind => (kind, kind))];

    public static ReferenceRules Parse(MappingNode node, ColumnSet columns)
    {
        node.Allow("skus", "locations");
        var skus = node.Find("skus");
        skus?.Allow("name", "name_from", "unit_of_measure", "kinds");
        return new ReferenceRules
        {
            SkuName = skus is null ? null : Template(skus.Require("name"), columns),
            NameClasses = skus?.Find("name_from")?.Texts().ToHashSet() ?? [],
            UnitOfMeasure = skus?.Text("unit_of_measure") ?? "EACH",
            Kinds = skus?.Find("kinds") is { } kinds ? [.. kinds.Items().Select(item => Kind(item, columns))] : [],
            Locations = node.Find("locations")?.Items().Select(Location).ToDictionary(location => location.Id, StringComparer.Ordinal) ?? [],
            WritesLocations = node.Find("locations") is not null,
        };
    }

    private static SkuKind Kind(MappingNode node, ColumnSet columns)
    {
        node.Allow("kind", "stocked", "when");
        return new SkuKind(node.Require("kind").Text(), node.Flag("stocked", true), ConditionParser.Parse(node.Require("when"), columns));
    }

    private static LocationFact Location(MappingNode node)
    {
        node.Allow("id", "name", "kind", "country", "timezone");
        var id = node.Require("id").Text();
        return new LocationFact(
            id, node.Text("name") ?? id, node.Find("kind")?.Choice<string>(LocationKinds) ?? "UNKNOWN", node.Text("country"), node.Text("timezone") ?? "UTC");
    }

    private static ValueTemplate Template(MappingNode node, ColumnSet columns)
    {
        try
        {
            return ValueTemplate.Parse(node.Text(), columns);
        }
        catch (FormatException error)
        {
            throw node.Error(error.Message);
        }
    }
}
