using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>One field of a record schema.</summary>
public sealed class AvroField
{
    internal AvroField(string name, int index, AvroSchema schema)
    {
        Name = name;
        Index = index;
        Schema = schema;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its place in the record, from 0.</summary>
    public int Index { get; }

    /// <summary>Its type.</summary>
    public AvroSchema Schema { get; }

    /// <summary>Other names under which a writer may know this field.</summary>
    public IReadOnlyList<string> Aliases { get; internal init; } = [];

    /// <summary>What it means, or null.</summary>
    public string? Doc { get; internal init; }

    /// <summary>True where a writer without this field is fine.</summary>
    public bool HasDefault => Default is not null;

    /// <summary>The default as it stands in the schema's JSON; a JSON null is a value too.</summary>
    public JsonElement? Default { get; internal init; }

    /// <summary>Attributes that the specification does not define, and <c>order</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement> Properties { get; internal init; } = AvroSchema.NoProperties;
}
