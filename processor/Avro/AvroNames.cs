using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>Name rules and attribute access, by the specification's "Names".</summary>
internal static class AvroNames
{
    public static bool TryPrimitive(string name, out AvroType type)
    {
        for (type = AvroType.Null; type <= AvroType.String; type++)
        {
            if (AvroSchema.NameOf(type) == name)
            {
                return true;
            }
        }

        return false;
    }

    public static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || char.IsAsciiDigit(name[0]))
        {
            return false;
        }

        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return false;
            }
        }

        return true;
    }

    public static (string Name, string Namespace) ReadName(JsonElement element, string enclosing, string path)
    {
        var name = ReadText(element, "name") ?? throw new AvroSchemaException(path, "the named type has no 'name'");
        var space = ReadText(element, "namespace") ?? enclosing;
        var dot = name.LastIndexOf('.');
        if (dot >= 0)
        {
            (space, name) = (name[..dot], name[(dot + 1)..]);
        }

        if (!IsName(name) || (space.Length > 0 && !space.Split('.').All(part => IsName(part))))
        {
            throw new AvroSchemaException(path, $"'{name}' in namespace '{space}' is no valid name: letters, digits and _ only, not starting with a digit");
        }

        if (space.Length == 0 && (TryPrimitive(name, out _) || name is "record" or "enum" or "array" or "map" or "union" or "fixed"))
        {
            throw new AvroSchemaException(path, $"'{name}' is the name of a built-in type");
        }

        return (name, space);
    }

    public static List<string> ReadAliases(JsonElement element, string space, string path)
    {
        var aliases = ReadStrings(element, "aliases", path);
        for (var i = 0; i < aliases.Count; i++)
        {
            if (!aliases[i].Contains('.', StringComparison.Ordinal) && space.Length > 0)
            {
                aliases[i] = space + "." + aliases[i];
            }
        }

        return aliases;
    }

    public static List<string> ReadStrings(JsonElement element, string key, string path)
    {
        var strings = new List<string>();
        if (!element.TryGetProperty(key, out var array))
        {
            return strings;
        }

        if (array.ValueKind != JsonValueKind.Array)
        {
            throw new AvroSchemaException(path, $"'{key}' is an array of strings");
        }

        foreach (var item in array.EnumerateArray())
        {
            strings.Add(item.ValueKind == JsonValueKind.String
                ? item.GetString()!
                : throw new AvroSchemaException(path, $"'{key}' is an array of strings"));
        }

        return strings;
    }

    public static string? ReadText(JsonElement element, string key) =>
        element.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static IReadOnlyDictionary<string, JsonElement> Rest(JsonElement element, ReadOnlySpan<string> known)
    {
        Dictionary<string, JsonElement>? rest = null;
        foreach (var property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
            {
                (rest ??= []).Add(property.Name, property.Value.Clone());
            }
        }

        return rest is null ? AvroSchema.NoProperties : rest;
    }

    /// <summary>True if a reader's named type takes what the writer calls <paramref name="writer"/>.</summary>
    public static bool Match(AvroSchema writer, AvroSchema reader)
    {
        if (writer.Name == reader.Name)
        {
            return true;
        }

        foreach (var alias in reader.Aliases)
        {
            if (alias == writer.FullName || alias.AsSpan(alias.LastIndexOf('.') + 1).SequenceEqual(writer.Name))
            {
                return true;
            }
        }

        return false;
    }
}
