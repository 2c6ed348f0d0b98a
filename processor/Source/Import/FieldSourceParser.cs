using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Reads <c>fields</c>, <c>set</c> and <c>attributes</c> of a mapping file.</summary>
internal sealed class FieldSourceParser(ColumnSet columns)
{
    public ColumnSet Columns { get; } = columns;

    public static QuantitySign Sign(MappingNode node) =>
        node.Choice(("as_is", QuantitySign.AsIs), ("negate", QuantitySign.Negate), ("by_type", QuantitySign.ByType));

    public FieldSource?[] Fields(MappingNode node, ref QuantitySign sign)
    {
        node.Allow(ImportFields.Names);
        var fields = new FieldSource?[ImportFields.Count];
        foreach (var (name, value) in node.Entries())
        {
            var field = Array.IndexOf(ImportFields.Names, name);
            fields[field] = Source(value, allowSign: field == (int)ImportField.QtyDelta);
            if (value.Find("sign") is { } given)
            {
                sign = Sign(given);
            }
        }

        return fields;
    }

    public IReadOnlyList<AttributeSource> Attributes(MappingNode? node)
    {
        var attributes = new List<AttributeSource>();
        foreach (var (name, value) in node?.Entries() ?? [])
        {
            if (name == ImportMapping.AnyAttribute)
            {
                value.Allow("column_prefix");
                attributes.Add(new AttributeSource(
                    name, new FieldSource { Template = ValueTemplate.OfConstant("") }, value.Require("column_prefix").Text()));
            }
            else
            {
                attributes.Add(new AttributeSource(name, Source(value, allowSign: false)));
            }
        }

        return attributes;
    }

    private FieldSource Source(MappingNode node, bool allowSign)
    {
        if (node.IsScalar)
        {
            return new FieldSource { Template = Template(node) };
        }

        if (allowSign)
        {
            node.Allow("column", "template", "constant", "default", "map", "otherwise", "ignore_case", "trim", "pseudonym", "sign");
        }
        else
        {
            node.Allow("column", "template", "constant", "default", "map", "otherwise", "ignore_case", "trim", "pseudonym");
        }

        var template = (node.Find("column"), node.Find("template"), node.Find("constant")) switch
        {
            ({ } column, null, null) => ValueTemplate.OfColumn(Columns.Add(column.Text())),
            (null, { } text, null) => Template(text),
            (null, null, { } constant) => ValueTemplate.OfConstant(constant.Text()),
            _ => throw node.Error("exactly one of 'column', 'template' and 'constant' is needed."),
        };
        var comparer = node.Flag("ignore_case", false) ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        Dictionary<string, string>? map = null;
        if (node.Find("map") is { } entries)
        {
            map = new Dictionary<string, string>(comparer);
            foreach (var (key, value) in entries.Entries())
            {
                map[key] = value.Text();
            }
        }

        if (map is null && node.Find("otherwise") is { } stray)
        {
            throw stray.Error("'otherwise' needs a 'map'; an empty value is set by 'default'.");
        }

        return new FieldSource
        {
            Template = template,
            Map = map,
            Otherwise = node.Text("otherwise"),
            Default = node.Text("default") ?? "",
            Trim = node.Flag("trim", true),
            Pseudonym = node.Flag("pseudonym", false),
        };
    }

    private ValueTemplate Template(MappingNode node)
    {
        try
        {
            return ValueTemplate.Parse(node.Text(), Columns);
        }
        catch (FormatException error)
        {
            throw node.Error(error.Message);
        }
    }
}
