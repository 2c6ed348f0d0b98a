using System.Text;
using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>Turns JSON text into <see cref="AvroSchema"/> nodes, by the specification's "Schema Declaration".</summary>
internal sealed class AvroSchemaParser
{
    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 256, AllowDuplicateProperties = false };
    private static readonly string[] s_schemaKeys =
        ["type", "name", "namespace", "doc", "aliases", "fields", "symbols", "items", "values", "size", "default", "logicalType", "precision", "scale"];

    private static readonly string[] s_fieldKeys = ["name", "type", "doc", "aliases", "default"];

    private readonly Dictionary<string, AvroSchema> _named = new(StringComparer.Ordinal);
    private readonly List<(AvroField Field, string Path)> _defaults = [];

    public static AvroSchema Parse(string json, IEnumerable<AvroSchema> references)
    {
        if (json.Length > AvroSchema.MaxTextLength)
        {
            throw new AvroSchemaException("$", $"the text has {json.Length} characters, more than the {AvroSchema.MaxTextLength} allowed");
        }

        var parser = new AvroSchemaParser();
        foreach (var reference in references)
        {
            parser.Import(reference, []);
        }

        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetBytes(json), s_options);
            var schema = parser.Read(document.RootElement, "", "$");

            // A default may belong to a type that is only complete once the whole text is read.
            foreach (var (field, path) in parser._defaults)
            {
                AvroDefault.Check(field, path);
            }

            return schema;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is how JsonElement refuses an escaped half of a surrogate pair.
            throw new AvroSchemaException("$", $"not valid JSON: {error.Message}");
        }
    }

    private void Import(AvroSchema schema, HashSet<AvroSchema> seen)
    {
        if (!seen.Add(schema))
        {
            return;
        }

        if (schema.IsNamed)
        {
            _named.TryAdd(schema.FullName, schema);
        }

        foreach (var field in schema.Fields)
        {
            Import(field.Schema, seen);
        }

        foreach (var branch in schema.Branches)
        {
            Import(branch, seen);
        }

        if (schema.Items is not null)
        {
            Import(schema.Items, seen);
        }
    }

    private AvroSchema Read(JsonElement element, string enclosing, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                var name = element.GetString()!;
                return AvroNames.TryPrimitive(name, out var primitive) ? new AvroSchema(primitive) : Reference(name, enclosing, path);
            case JsonValueKind.Array:
                return ReadUnion(element, enclosing, path);
            case JsonValueKind.Object:
                return ReadObject(element, enclosing, path);
            default:
                throw new AvroSchemaException(path, $"a schema is a name, an object or an array, not {element.GetRawText()}");
        }
    }

    private AvroSchema Reference(string name, string enclosing, string path)
    {
        if (name.Contains('.', StringComparison.Ordinal) || enclosing.Length == 0)
        {
            return _named.TryGetValue(name, out var exact) ? exact : throw Unknown(name, path);
        }

        // The null namespace is the fallback: a type without namespace can be named from within another in no other way.
        return _named.TryGetValue(enclosing + "." + name, out var found) || _named.TryGetValue(name, out found)
            ? found
            : throw Unknown(name, path);
    }

    private static AvroSchemaException Unknown(string name, string path) =>
        new(path, $"'{name}' is neither a primitive type nor a type defined earlier");

    private AvroSchema ReadUnion(JsonElement element, string enclosing, string path)
    {
        var branches = new List<AvroSchema>(element.GetArrayLength());
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in element.EnumerateArray())
        {
            var itemPath = $"{path}[{branches.Count}]";
            var branch = Read(item, enclosing, itemPath);
            if (branch.Type == AvroType.Union)
            {
                throw new AvroSchemaException(itemPath, "a union may not hold a union directly");
            }

            if (!names.Add(branch.FullName))
            {
                throw new AvroSchemaException(itemPath, $"the union has two branches '{branch.FullName}'");
            }

            branches.Add(branch);
        }

        return branches.Count > 0
            ? new AvroSchema(AvroType.Union) { Branches = branches }
            : throw new AvroSchemaException(path, "a union needs at least one branch");
    }

    private AvroSchema ReadObject(JsonElement element, string enclosing, string path)
    {
        if (!element.TryGetProperty("type", out var type))
        {
            throw new AvroSchemaException(path, "the object has no 'type'");
        }

        if (type.ValueKind != JsonValueKind.String)
        {
            return Read(type, enclosing, path + ".type");
        }

        AvroSchema schema;
        switch (type.GetString()!)
        {
            case "record" or "error":
                schema = ReadRecord(element, enclosing, path);
                break;
            case "enum":
                schema = ReadEnum(element, enclosing, path);
                break;
            case "fixed":
                schema = ReadFixed(element, enclosing, path);
                break;
            case "array":
                schema = new AvroSchema(AvroType.Array) { Items = ReadItems(element, "items", enclosing, path) };
                break;
            case "map":
                schema = new AvroSchema(AvroType.Map) { Items = ReadItems(element, "values", enclosing, path) };
                break;
            case var name when AvroNames.TryPrimitive(name, out var primitive):
                schema = new AvroSchema(primitive);
                break;
            case var name:
                return Reference(name, enclosing, path + ".type");
        }

        var known = AvroLogicalTypes.TryApply(schema, element);
        schema.Properties = AvroNames.Rest(element, known ? s_schemaKeys : s_schemaKeys[..^3]);
        return schema;
    }

    private AvroSchema ReadItems(JsonElement element, string key, string enclosing, string path) =>
        element.TryGetProperty(key, out var items)
            ? Read(items, enclosing, path + "." + key)
            : throw new AvroSchemaException(path, $"the {(key == "items" ? "array" : "map")} has no '{key}'");

    private AvroSchema ReadRecord(JsonElement element, string enclosing, string path)
    {
        var (name, space) = AvroNames.ReadName(element, enclosing, path);
        var record = new AvroSchema(AvroType.Record)
        {
            Name = name,
            Namespace = space,
            Aliases = AvroNames.ReadAliases(element, space, path),
            Doc = AvroNames.ReadText(element, "doc"),
        };
        Define(record, path);
        if (!element.TryGetProperty("fields", out var items) || items.ValueKind != JsonValueKind.Array)
        {
            throw new AvroSchemaException(path, $"record '{name}' has no array 'fields'");
        }

        var fields = new List<AvroField>(items.GetArrayLength());
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in items.EnumerateArray())
        {
            var fieldPath = $"{path}.fields[{fields.Count}]";
            var field = ReadField(item, fields.Count, space, fieldPath);
            if (!names.Add(field.Name))
            {
                throw new AvroSchemaException(fieldPath, $"record '{name}' has two fields '{field.Name}'");
            }

            fields.Add(field);
        }

        record.Fields = fields;
        return record;
    }

    private AvroField ReadField(JsonElement element, int index, string enclosing, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new AvroSchemaException(path, "a field is an object");
        }

        var name = AvroNames.ReadText(element, "name") ?? throw new AvroSchemaException(path, "the field has no 'name'");
        if (!AvroNames.IsName(name))
        {
            throw new AvroSchemaException(path, $"'{name}' is no valid field name: letters, digits and _ only, not starting with a digit");
        }

        if (!element.TryGetProperty("type", out var type))
        {
            throw new AvroSchemaException(path, $"field '{name}' has no 'type'");
        }

        var field = new AvroField(name, index, Read(type, enclosing, path + ".type"))
        {
            Doc = AvroNames.ReadText(element, "doc"),
            Aliases = AvroNames.ReadStrings(element, "aliases", path),
            Default = element.TryGetProperty("default", out var value) ? value.Clone() : null,
            Properties = AvroNames.Rest(element, s_fieldKeys),
        };
        if (field.HasDefault)
        {
            _defaults.Add((field, path));
        }

        return field;
    }

    private AvroSchema ReadEnum(JsonElement element, string enclosing, string path)
    {
        var (name, space) = AvroNames.ReadName(element, enclosing, path);
        var symbols = AvroNames.ReadStrings(element, "symbols", path);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var symbol in symbols)
        {
            if (!AvroNames.IsName(symbol) || !seen.Add(symbol))
            {
                throw new AvroSchemaException(path + ".symbols", $"'{symbol}' stands twice or is no valid symbol: letters, digits and _ only");
            }
        }

        var fallback = AvroNames.ReadText(element, "default");
        if (symbols.Count == 0 || (fallback is not null && !seen.Contains(fallback)))
        {
            throw new AvroSchemaException(path, $"enum '{name}' has no symbols, or its default '{fallback}' is none of them");
        }

        return Define(
            new AvroSchema(AvroType.Enum)
            {
                Name = name,
                Namespace = space,
                Aliases = AvroNames.ReadAliases(element, space, path),
                Doc = AvroNames.ReadText(element, "doc"),
                Symbols = symbols,
                EnumDefault = fallback,
            },
            path);
    }

    private AvroSchema ReadFixed(JsonElement element, string enclosing, string path)
    {
        var (name, space) = AvroNames.ReadName(element, enclosing, path);
        if (!element.TryGetProperty("size", out var value) || value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var size) || size < 0)
        {
            throw new AvroSchemaException(path, $"fixed '{name}' needs a 'size' of 0 or more bytes");
        }

        return Define(
            new AvroSchema(AvroType.Fixed)
            {
                Name = name,
                Namespace = space,
                Aliases = AvroNames.ReadAliases(element, space, path),
                Doc = AvroNames.ReadText(element, "doc"),
                Size = size,
            },
            path);
    }

    private AvroSchema Define(AvroSchema schema, string path) =>
        _named.TryAdd(schema.FullName, schema)
            ? schema
            : throw new AvroSchemaException(path, $"'{schema.FullName}' is defined twice");
}
