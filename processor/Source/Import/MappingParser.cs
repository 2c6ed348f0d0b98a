using System.Security.Cryptography;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Reads mapping files (YAML; JSON is YAML too). The keys are described in <c>mappings/README.md</c>.</summary>
public static class MappingParser
{
    private const string DefaultEventId = "{@dataset}-{@row_hash}-{@occurrence}";

    /// <summary>Reads a mapping that ships with the tool, or a file.</summary>
    /// <exception cref="SetupException">There is no such mapping, or it is wrong; the message names file and line.</exception>
    public static ImportMapping Load(string nameOrFile)
    {
        var path = nameOrFile;
        if (!File.Exists(path))
        {
            var folder = Path.Combine(AppContext.BaseDirectory, "mappings");
            path = Path.Combine(folder, Path.GetFileName(nameOrFile) + ".yaml");
            if (Path.GetFileName(nameOrFile) != nameOrFile || !File.Exists(path))
            {
                var known = Directory.Exists(folder)
                    ? Directory.EnumerateFiles(folder, "*.yaml").Select(found => Path.GetFileNameWithoutExtension(found)).Order(StringComparer.Ordinal)
                    : Enumerable.Empty<string>();
                throw new SetupException($"there is no mapping '{nameOrFile}': neither a file nor one of {string.Join(", ", known)}.");
            }
        }

        try
        {
            return Parse(Path.GetFileName(path), File.ReadAllText(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Compiles a mapping's text.</summary>
    /// <exception cref="SetupException">The text is wrong; the message names file and line.</exception>
    public static ImportMapping Parse(string file, string text)
    {
        var root = MappingNode.Parse(file, text);
        root.Allow("mapping", "dataset", "csv", "numbers", "times", "fields", "attributes", "rules", "reference", "tie_cancellations");
        var name = root.Require("mapping").Text();
        var columns = new ColumnSet();
        var reader = new FieldSourceParser(columns);
        var sign = QuantitySign.AsIs;
        var fields = root.Find("fields") is { } given ? reader.Fields(given, ref sign) : throw root.Error("the key 'fields' is missing.");
        fields[(int)ImportField.EventId] ??= new FieldSource { Template = ValueTemplate.Parse(DefaultEventId, columns) };
        var rules = root.Find("rules") is { } list ? list.Items().Select(item => Rule(item, reader)).ToList() : [];
        var mapping = new ImportMapping
        {
            Name = name,
            Dataset = Dataset(root, name),
            TextHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))),
            Columns = columns,
            Numbers = Numbers(root.Find("numbers")),
            Times = Times(root.Find("times")),
            Fields = fields,
            Attributes = reader.Attributes(root.Find("attributes")),
            Sign = sign,
            Rules = rules,
            Reference = root.Find("reference") is { } reference ? ReferenceParser.Parse(reference, columns) : null,
            Tie = root.Find("tie_cancellations") is { } tie ? Tie(tie, columns, rules) : null,
            Csv = Csv(root.Find("csv"), columns),
        };
        CheckRequired(root, mapping);
        return mapping;
    }

    private static string Dataset(MappingNode root, string name)
    {
        var dataset = root.Text("dataset") ?? name;
        return dataset.Length is > 0 and <= 48 && dataset.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')
            ? dataset
            : throw (root.Find("dataset") ?? root.Require("mapping")).Error("a dataset's name has 1 to 48 letters, digits, '-', '_' or '.'.");
    }

    private static CsvInput Csv(MappingNode? node, ColumnSet columns)
    {
        node?.Allow("delimiter", "encoding", "optional_columns");
        var delimiter = node?.Text("delimiter") ?? ",";
        if (delimiter.Length != 1 || delimiter[0] is '"' or '\r' or '\n' || !char.IsAscii(delimiter[0]))
        {
            throw node!.Find("delimiter")!.Error("the delimiter is one ASCII character, not a quote.");
        }

        var latin1 = node?.Find("encoding") is { } encoding && encoding.Choice(("utf-8", false), ("latin1", true));
        var optional = node?.Find("optional_columns")?.Texts() ?? [];
        var required = optional.Contains(ImportMapping.AnyAttribute)
            ? []
            : Enumerable.Range(0, columns.Count).Select(columns.Name).Where(column => !optional.Contains(column)).ToList();
        return new CsvInput(delimiter[0], latin1, required);
    }

    private static NumberFormat Numbers(MappingNode? node)
    {
        node?.Allow("decimal_point", "group", "round");
        var point = node?.Text("decimal_point") ?? ".";
        return point is "." or ","
            ? new NumberFormat(point[0], node?.Text("group") ?? "", node?.Flag("round", false) ?? false)
            : throw node!.Find("decimal_point")!.Error("the decimal point is '.' or ','.");
    }

    private static TimeFormat Times(MappingNode? node)
    {
        node?.Allow("formats", "timezone");
        var formats = node?.Find("formats")?.Texts() ?? [TimeFormat.Iso];
        var zone = node?.Text("timezone") ?? "UTC";
        return TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found)
            ? new TimeFormat(formats, found)
            : throw node!.Find("timezone")!.Error($"'{zone}' is no time zone of this machine; use an IANA name such as Europe/London (package tzdata).");
    }

    private static MappingRule Rule(MappingNode node, FieldSourceParser reader)
    {
        node.Allow("class", "when", "set", "attributes", "quantity", "skip");
        var sign = QuantitySign.AsIs;
        return new MappingRule
        {
            Class = node.Require("class").Text() is { Length: > 0 } name ? name : throw node.Error("the class has no name."),
            When = ConditionParser.Parse(node.Find("when"), reader.Columns),
            Set = node.Find("set") is { } set ? reader.Fields(set, ref sign) : new FieldSource?[ImportFields.Count],
            Attributes = reader.Attributes(node.Find("attributes")),
            Sign = node.Find("quantity") is { } quantity ? FieldSourceParser.Sign(quantity) : null,
            Skip = node.Flag("skip", false),
        };
    }

    private static TieRules Tie(MappingNode node, ColumnSet columns, List<MappingRule> rules)
    {
        node.Allow("sales", "cancellations", "same", "event_attribute", "document_attribute");
        foreach (var key in (string[])["sales", "cancellations"])
        {
            var unknown = node.Require(key).Texts().FirstOrDefault(name => !rules.Exists(rule => rule.Class == name));
            if (unknown is not null)
            {
                throw node.Require(key).Error($"no rule has the class '{unknown}'.");
            }
        }

        return new TieRules(
            node.Require("sales").Texts().ToHashSet(),
            node.Require("cancellations").Texts().ToHashSet(),
            [.. node.Require("same").Texts().Select(columns.Add)],
            node.Text("event_attribute") ?? "cancels_event_id",
            node.Text("document_attribute") ?? "cancels_reference_id");
    }

    private static void CheckRequired(MappingNode root, ImportMapping mapping)
    {
        ReadOnlySpan<ImportField> required =
        [
            ImportField.EventTs, ImportField.SkuId, ImportField.LocationId, ImportField.MovementType, ImportField.QtyDelta,
            ImportField.SourceSystem, ImportField.ReferenceId,
        ];
        foreach (var field in required)
        {
            if (mapping.Fields[(int)field] is null
                && (mapping.Rules.Count == 0 || mapping.Rules.Any(rule => !rule.Skip && rule.Set[(int)field] is null)))
            {
                throw root.Error($"'{field.Name()}' is missing: give it under 'fields' or in every rule's 'set'.");
            }
        }
    }
}
