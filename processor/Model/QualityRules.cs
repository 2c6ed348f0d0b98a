using System.Globalization;
using System.Text.RegularExpressions;

namespace Stockflow.Model;

/// <summary>Reads a file of data quality rules. Whatever it does not know is refused, by file, line and place.</summary>
public static partial class QualityRules
{
    /// <summary>Most rules of a file: each is a query and a metric's label.</summary>
    public const int Maximum = 100;

    private const int MaximumValues = 64;
    private const long Money = 10_000;

    private static readonly string[] Common = ["name", "kind", "severity", "description"];

    /// <summary>The file that is delivered with the program.</summary>
    public static string DefaultFile => Path.Combine(AppContext.BaseDirectory, "schemas", "quality.yml");

    /// <exception cref="SetupException">The file is missing or a rule can not work.</exception>
    public static IReadOnlyList<QualityRule> Load(string? file)
    {
        file ??= DefaultFile;
        try
        {
            return Parse(Path.GetFileName(file), File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"quality.rulesFile '{file}' can not be read: {e.Message}", e);
        }
    }

    /// <exception cref="SetupException">A rule can not work; the message names file, line and field.</exception>
    public static IReadOnlyList<QualityRule> Parse(string file, string text)
    {
        var root = MappingNode.Parse(file, text);
        root.Allow("rules");
        var list = root.Require("rules");
        var rules = new List<QualityRule>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in list.Items())
        {
            if (rules.Count == Maximum)
            {
                throw node.Error($"there are more than {Maximum} rules.");
            }

            var rule = Rule(node);
            if (!names.Add(rule.Name))
            {
                throw node.Require("name").Error($"'{rule.Name}' stands twice.");
            }

            rules.Add(rule);
        }

        return rules;
    }

    private static QualityRule Rule(MappingNode node)
    {
        var kind = node.Require("kind").Choice(
            ("schema", QualityKind.Schema), ("reference", QualityKind.Reference), ("uniqueness", QualityKind.Uniqueness), ("freshness", QualityKind.Freshness),
            ("volume", QualityKind.Volume), ("value", QualityKind.Value), ("negative", QualityKind.Negative), ("quarantine", QualityKind.Quarantine));
        node.Allow([.. Common, .. Keys(kind)]);
        var name = node.Require("name");
        if (!NameRule().IsMatch(name.Text()))
        {
            throw name.Error($"'{name.Text()}' must be 1 to 64 small letters, digits and underscores, a letter first.");
        }

        var usual = new QualityRule
        {
            Name = name.Text(),
            Kind = kind,
            Severity = node.Require("severity").Choice(("info", "info"), ("warning", "warning"), ("critical", "critical")),
            Description = Text(node.Require("description"), 256),
        };
        return Complete(usual with
        {
            WindowMinutes = (int)Number(node.Find("window_minutes"), 1, 1440, usual.WindowMinutes),
            MinimumRecords = (long)Number(node.Find("minimum_records"), 1, 1e9, usual.MinimumRecords),
            Source = node.Find("source") is { } source ? Text(source, 64) : "",
            Weeks = (int)Number(node.Find("weeks"), 2, 4, usual.Weeks),
            MaximumScore = Number(node.Find("max_score"), 0.5, 1e6, usual.MaximumScore),
            FloorShare = Number(node.Find("floor_share"), 0, 10, usual.FloorShare),
            Floor = Number(node.Find("floor"), 0.0001, 1e9, usual.Floor),
            GraceMinutes = (int)Number(node.Find("grace_minutes"), 0, 1440, usual.GraceMinutes),
            Direction = node.Find("direction")?.Choice(("both", QualityDirection.Both), ("low", QualityDirection.Low), ("high", QualityDirection.High)) ?? QualityDirection.Both,
        }, node);
    }

    private static QualityRule Complete(QualityRule rule, MappingNode node) => rule.Kind switch
    {
        QualityKind.Schema => rule with { MaximumShare = Share(node), Reasons = Reasons(node.Find("reasons")) },
        QualityKind.Reference => rule with { MaximumShare = Share(node), Field = node.Require("field").Choice(("sku", "sku"), ("location", "location")) },
        QualityKind.Uniqueness => rule with { MaximumShare = Share(node) },
        QualityKind.Freshness => rule with
        {
            Source = Text(node.Require("source"), 64),
            MaximumAgeMinutes = Number(node.Require("max_age_minutes"), 1, 10_080, 0),
            MaximumLatenessMinutes = node.Find("max_lateness_minutes") is { } late ? Number(late, 0.01, 100_000, 0) : null,
        },
        QualityKind.Volume => rule with { MinimumWeeks = MinimumWeeks(rule, node) },
        QualityKind.Value => rule with { MinimumWeeks = MinimumWeeks(rule, node), Field = node.Require("measure").Choice(("units", "units"), ("price", "price")) },
        QualityKind.Negative => rule with { MaximumCount = (long)Number(node.Find("max_positions"), 0, 1e9, 0) },
        _ => rule with { MaximumCount = (long)Number(node.Find("max_records"), 0, 1e9, 0), When = Condition(node.Require("when")) },
    };

    private static string[] Keys(QualityKind kind) => kind switch
    {
        QualityKind.Schema => ["window_minutes", "max_share", "minimum_records", "reasons"],
        QualityKind.Reference => ["window_minutes", "max_share", "minimum_records", "field"],
        QualityKind.Uniqueness => ["window_minutes", "max_share", "minimum_records"],
        QualityKind.Freshness => ["window_minutes", "minimum_records", "source", "max_age_minutes", "max_lateness_minutes"],
        QualityKind.Volume => ["source", "weeks", "minimum_weeks", "max_score", "floor_share", "floor", "grace_minutes", "direction"],
        QualityKind.Value => ["source", "weeks", "minimum_weeks", "max_score", "floor_share", "floor", "grace_minutes", "direction", "measure"],
        QualityKind.Negative => ["max_positions"],
        _ => ["max_records", "when"],
    };

    private static HoldCondition Condition(MappingNode node)
    {
        node.Allow("sources", "movement_types", "locations", "quantity_above", "price_above", "value_above");
        var condition = new HoldCondition
        {
            Sources = Ids(node.Find("sources")),
            Types = [.. Values(node.Find("movement_types")).Select(value => MovementTypes.TryParse(value.Text(), out var type) && type != MovementType.Unknown
                ? type
                : throw value.Error($"'{value.Text()}' is none of: {string.Join(", ", MovementTypes.Names[1..])}."))],
            Locations = Ids(node.Find("locations")),
            QuantityAbove = node.Find("quantity_above") is { } units ? (long)Number(units, 0, 1e9, 0) : null,
            PriceAbove = node.Find("price_above") is { } price ? (long)(Number(price, 0, 1e12, 0) * Money) : null,
            ValueAbove = node.Find("value_above") is { } value ? (long)(Number(value, 0, 1e14, 0) * Money) : null,
        };
        return condition is { Sources.Count: 0, Types.Count: 0, Locations.Count: 0, QuantityAbove: null, PriceAbove: null, ValueAbove: null }
            ? throw node.Error("a condition without any part would hold every record.")
            : condition;
    }

    private static double Share(MappingNode node) => Number(node.Require("max_share"), 0, 1, 0);

    private static int MinimumWeeks(QualityRule rule, MappingNode node) => (int)Number(node.Find("minimum_weeks"), 2, rule.Weeks, Math.Min(rule.Weeks, rule.MinimumWeeks));

    private static IReadOnlyList<string> Reasons(MappingNode? node) => [.. Values(node).Select(value => Array.IndexOf(RejectReasons.Codes, value.Text()) > 0
        ? value.Text()
        : throw value.Error($"'{value.Text()}' is none of: {string.Join(", ", RejectReasons.Codes[1..])}."))];

    private static IReadOnlyList<string> Ids(MappingNode? node) => [.. Values(node).Select(value => Text(value, 64))];

    private static List<MappingNode> Values(MappingNode? node)
    {
        List<MappingNode> values = node is null ? [] : [.. node.Items()];
        return values.Count > MaximumValues ? throw node!.Error($"there are more than {MaximumValues} values.") : values;
    }

    private static string Text(MappingNode node, int maximum)
    {
        var text = node.Text();
        return text.Length is > 0 && text.Length <= maximum && !text.Any(char.IsControl) ? text : throw node.Error($"1 to {maximum} characters are expected here.");
    }

    private static double Number(MappingNode? node, double least, double most, double usual) => node is null
        ? usual
        : double.TryParse(node.Text(), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw node.Error(string.Create(CultureInfo.InvariantCulture, $"'{node.Text()}' is not a number from {least} to {most}."));

    [GeneratedRegex("^[a-z][a-z0-9_]{0,63}$")]
    private static partial Regex NameRule();
}
