using System.Collections.ObjectModel;
using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>
/// A node of a parsed Avro schema (specification 1.11 and 1.12). Immutable once parsed; a recursive type
/// refers to its own node. Which members have a value depends on <see cref="Type"/>.
/// </summary>
public sealed class AvroSchema
{
    /// <summary>Longest schema text that <see cref="Parse(string)"/> accepts, characters.</summary>
    public const int MaxTextLength = 1024 * 1024;

    internal static readonly ReadOnlyDictionary<string, JsonElement> NoProperties = ReadOnlyDictionary<string, JsonElement>.Empty;
    private string? _canonicalForm;

    internal AvroSchema(AvroType type)
    {
        Type = type;
    }

    /// <summary>The kind of schema.</summary>
    public AvroType Type { get; }

    /// <summary>The logical type, or <see cref="AvroLogicalType.None"/>.</summary>
    public AvroLogicalType Logical { get; internal set; }

    /// <summary>Digits of a decimal.</summary>
    public int Precision { get; internal set; }

    /// <summary>Digits after the point of a decimal.</summary>
    public int Scale { get; internal set; }

    /// <summary>Name without namespace of a record, enum or fixed; else empty.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>Namespace of a record, enum or fixed; empty where it has none.</summary>
    public string Namespace { get; internal init; } = "";

    /// <summary>Namespace and name of a record, enum or fixed; the type's own name for the others.</summary>
    public string FullName => Name.Length == 0 ? TypeName : Namespace.Length == 0 ? Name : Namespace + "." + Name;

    /// <summary>Full names under which a writer may know this record, enum or fixed.</summary>
    public IReadOnlyList<string> Aliases { get; internal init; } = [];

    /// <summary>What it means, or null.</summary>
    public string? Doc { get; internal init; }

    /// <summary>Fields of a record, in order.</summary>
    public IReadOnlyList<AvroField> Fields { get; internal set; } = [];

    /// <summary>Symbols of an enum, in order.</summary>
    public IReadOnlyList<string> Symbols { get; internal init; } = [];

    /// <summary>The symbol that a reader takes for one that it does not know, or null.</summary>
    public string? EnumDefault { get; internal init; }

    /// <summary>Type of an array's items or of a map's values.</summary>
    public AvroSchema? Items { get; internal init; }

    /// <summary>Branches of a union, in order.</summary>
    public IReadOnlyList<AvroSchema> Branches { get; internal init; } = [];

    /// <summary>Size of a fixed, bytes.</summary>
    public int Size { get; internal init; }

    /// <summary>Attributes that this library does not interpret (an unknown logical type is one of them).</summary>
    public IReadOnlyDictionary<string, JsonElement> Properties { get; internal set; } = NoProperties;

    /// <summary>True for record, enum and fixed.</summary>
    public bool IsNamed => Type is AvroType.Record or AvroType.Enum or AvroType.Fixed;

    /// <summary>The word for the type in a schema's JSON.</summary>
    public string TypeName => NameOf(Type);

    /// <summary>The Parsing Canonical Form of the specification.</summary>
    public string CanonicalForm => _canonicalForm ??= AvroCanonicalForm.Of(this);

    /// <summary>The CRC-64-AVRO (Rabin) fingerprint of <see cref="CanonicalForm"/>.</summary>
    public ulong Fingerprint => AvroCanonicalForm.Fingerprint(CanonicalForm);

    /// <summary>Parses a schema.</summary>
    /// <param name="json">The schema's JSON text, at most <see cref="MaxTextLength"/> characters.</param>
    /// <exception cref="AvroSchemaException">The text is no valid schema; the message names the place.</exception>
    public static AvroSchema Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return AvroSchemaParser.Parse(json, []);
    }

    /// <summary>Parses a schema that may name types of other schemas (schema references of a registry).</summary>
    /// <param name="json">The schema's JSON text.</param>
    /// <param name="references">Schemas whose named types may be referred to, in order of dependence.</param>
    /// <exception cref="AvroSchemaException">The text is no valid schema.</exception>
    public static AvroSchema Parse(string json, IEnumerable<AvroSchema> references)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(references);
        return AvroSchemaParser.Parse(json, references);
    }

    /// <summary>The field of a record by name, or null.</summary>
    public AvroField? Field(string name)
    {
        foreach (var field in Fields)
        {
            if (field.Name == name)
            {
                return field;
            }
        }

        return null;
    }

    /// <summary>The schema as JSON text, with docs, aliases, defaults and unknown attributes kept.</summary>
    public string ToJson(bool indented = false) => AvroSchemaText.Write(this, indented);

    /// <inheritdoc/>
    public override string ToString() => FullName;

    internal static string NameOf(AvroType type) => type switch
    {
        AvroType.Null => "null",
        AvroType.Boolean => "boolean",
        AvroType.Int => "int",
        AvroType.Long => "long",
        AvroType.Float => "float",
        AvroType.Double => "double",
        AvroType.Bytes => "bytes",
        AvroType.String => "string",
        AvroType.Record => "record",
        AvroType.Enum => "enum",
        AvroType.Array => "array",
        AvroType.Map => "map",
        AvroType.Union => "union",
        _ => "fixed",
    };

    internal int SymbolIndex(string symbol)
    {
        for (var i = 0; i < Symbols.Count; i++)
        {
            if (Symbols[i] == symbol)
            {
                return i;
            }
        }

        return -1;
    }
}
