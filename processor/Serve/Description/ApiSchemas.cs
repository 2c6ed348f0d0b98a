using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Stockflow.Serve.Description;

/// <summary>
/// JSON schemas (2020-12) of the bodies, made from the very metadata that reads and writes them, so that they can not tell of other fields. What the code
/// checks beyond types comes from <see cref="ApiRules"/>.
/// </summary>
internal sealed class ApiSchemas
{
    private readonly SortedDictionary<string, JsonObject> components = new(StringComparer.Ordinal);
    private readonly HashSet<string> used = new(StringComparer.Ordinal);

    /// <summary>All schemas by name.</summary>
    /// <exception cref="InvalidOperationException">A rule is for a field that there is not.</exception>
    public JsonObject Components()
    {
        var unused = ApiRules.Names.Except(used).ToArray();
        return unused.Length == 0
            ? new JsonObject(components.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value.DeepClone())))
            : throw new InvalidOperationException("ApiRules has rules for fields that there are not: " + string.Join(", ", unused));
    }

    public static JsonObject Reference(string name) => new() { ["$ref"] = "#/components/schemas/" + name };

    /// <summary>A body that is read.</summary>
    public JsonObject Request(JsonTypeInfo type) => Of(type, isRequest: true);

    /// <summary>A body that is written.</summary>
    public JsonObject Answer(JsonTypeInfo type) => Of(type, isRequest: false);

    /// <summary>A schema that is written by hand, for what no record stands for.</summary>
    public JsonObject Add(string name, JsonObject schema)
    {
        if (components.TryGetValue(name, out var other) && !JsonNode.DeepEquals(other, schema))
        {
            throw new InvalidOperationException($"Two schemas are called {name}.");
        }

        components[name] = schema;
        return Reference(name);
    }

    /// <summary>An object of which every member named here is there.</summary>
    public static JsonObject Object(string? text, params (string Name, JsonObject Schema)[] members) => Object(text, [.. members.Select(member => member.Name)], members);

    public static JsonObject Object(string? text, string[] required, params (string Name, JsonObject Schema)[] members)
    {
        var schema = new JsonObject { ["type"] = "object" };
        if (text is not null)
        {
            schema["description"] = text;
        }

        schema["properties"] = new JsonObject(members.Select(member => KeyValuePair.Create(member.Name, (JsonNode?)member.Schema.DeepClone())));
        schema["required"] = new JsonArray([.. required.Select(name => (JsonNode)name)]);
        return schema;
    }

    private static string NameOf(Type type, bool isRequest)
    {
        var name = type.Name.EndsWith("Payload", StringComparison.Ordinal) ? type.Name[..^"Payload".Length] : type.Name;

        // It stands in requests and in answers, where different things are sure of it.
        return isRequest && type == typeof(Stock.ReservationReference) ? name + "Request" : name;
    }

    private JsonObject Of(JsonTypeInfo type, bool isRequest) => type.Kind switch
    {
        JsonTypeInfoKind.Object => Component(type, isRequest),
        JsonTypeInfoKind.Enumerable => new JsonObject { ["type"] = "array", ["items"] = Of(Info(type, type.ElementType!), isRequest) },
        JsonTypeInfoKind.Dictionary => new JsonObject { ["type"] = "object", ["additionalProperties"] = Of(Info(type, type.ElementType!), isRequest) },
        _ => Value(Nullable.GetUnderlyingType(type.Type) ?? type.Type),
    };

    private static JsonTypeInfo Info(JsonTypeInfo of, Type type) => of.Options.GetTypeInfo(type);

    private static JsonObject Value(Type type) => type switch
    {
        _ when type == typeof(string) => new() { ["type"] = "string" },
        _ when type == typeof(bool) => new() { ["type"] = "boolean" },
        _ when type == typeof(int) => new() { ["type"] = "integer", ["format"] = "int32" },
        _ when type == typeof(long) => new() { ["type"] = "integer", ["format"] = "int64" },
        _ when type == typeof(double) || type == typeof(decimal) => new() { ["type"] = "number" },
        _ when type == typeof(DateTime) => new() { ["type"] = "string", ["format"] = "date-time" },
        _ when type == typeof(DateOnly) => new() { ["type"] = "string", ["format"] = "date" },
        _ => throw new NotSupportedException($"ApiSchemas knows no schema for {type}."),
    };

    private JsonObject Component(JsonTypeInfo type, bool isRequest)
    {
        var name = NameOf(type.Type, isRequest);
        var members = new JsonObject();
        var required = new JsonArray();
        foreach (var member in type.Properties.Where(member => IsThere(member, isRequest)))
        {
            var key = name + "." + member.Name;
            var rule = ApiRules.Find(key);
            used.Add(key);
            var isNullable = Nullable.GetUnderlyingType(member.PropertyType) is not null || (isRequest ? member.IsSetNullable : member.IsGetNullable);
            var schema = Of(Info(type, member.PropertyType), isRequest);
            if (isRequest)
            {
                if (rule is { IsRequired: true } || (type.Options.RespectRequiredConstructorParameters && member.AssociatedParameter is { HasDefaultValue: false }))
                {
                    required.Add(member.Name);
                    isNullable = isNullable && rule is not { IsRequired: true };
                }

                if (member.AssociatedParameter is { HasDefaultValue: true, DefaultValue: { } value })
                {
                    schema["default"] = JsonSerializer.SerializeToNode(value, Info(type, value.GetType()));
                }
            }
            else if (isNullable && LeavesNullOut(type, member))
            {
                isNullable = false;
            }
            else
            {
                required.Add(member.Name);
            }

            schema = isNullable ? OrNull(schema) : schema;
            members[member.Name] = rule?.ApplyTo(schema) ?? schema;
        }

        var component = new JsonObject { ["type"] = "object", ["properties"] = members };
        if (required.Count > 0)
        {
            component["required"] = required;
        }

        if (isRequest && type.Options.UnmappedMemberHandling == JsonUnmappedMemberHandling.Disallow)
        {
            component["additionalProperties"] = false;
        }

        return Add(name, component);
    }

    private static JsonObject OrNull(JsonObject schema)
    {
        if (schema["type"] is not JsonValue type)
        {
            return new JsonObject { ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "null" }) };
        }

        schema["type"] = new JsonArray(type.DeepClone(), "null");
        return schema;
    }

    private static bool IsThere(JsonPropertyInfo member, bool isRequest)
    {
        if (isRequest)
        {
            return member.Set is not null || member.AssociatedParameter is not null;
        }

        return member.Get is not null && (member.Set is not null || member.AssociatedParameter is not null || !member.Options.IgnoreReadOnlyProperties);
    }

    private static bool LeavesNullOut(JsonTypeInfo type, JsonPropertyInfo member)
    {
        var own = member.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: true).OfType<JsonIgnoreAttribute>().FirstOrDefault();
        return (own?.Condition ?? type.Options.DefaultIgnoreCondition) == JsonIgnoreCondition.WhenWritingNull;
    }
}
