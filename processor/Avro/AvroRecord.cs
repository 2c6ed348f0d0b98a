using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Stockflow.Avro;

/// <summary>A record of the generic model: its schema and a value per field. See <see cref="GenericReader"/> for the values.</summary>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "Avro calls it a record.")]
public sealed class AvroRecord : IReadOnlyDictionary<string, object?>
{
    private readonly object?[] _values;

    /// <summary>Creates a record with all fields null.</summary>
    public AvroRecord(AvroSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Schema = schema.Type == AvroType.Record ? schema : throw new AvroException($"'{schema.FullName}' is no record.");
        _values = new object?[schema.Fields.Count];
    }

    /// <summary>The record's schema.</summary>
    public AvroSchema Schema { get; }

    /// <inheritdoc/>
    public IEnumerable<string> Keys => Schema.Fields.Select(member => member.Name);

    /// <inheritdoc/>
    public IEnumerable<object?> Values => _values;

    /// <inheritdoc/>
    public int Count => _values.Length;

    /// <summary>The value of a field by index.</summary>
    public object? this[int index]
    {
        get => _values[index];
        set => _values[index] = value;
    }

    /// <summary>The value of a field by name.</summary>
    /// <exception cref="KeyNotFoundException">The record has no such field.</exception>
    public object? this[string key]
    {
        get => _values[IndexOf(key)];
        set => _values[IndexOf(key)] = value;
    }

    /// <inheritdoc/>
    public bool ContainsKey(string key) => Schema.Field(key) is not null;

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object? value)
    {
        var field = Schema.Field(key);
        value = field is null ? null : _values[field.Index];
        return field is not null;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        foreach (var field in Schema.Fields)
        {
            yield return new KeyValuePair<string, object?>(field.Name, _values[field.Index]);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int IndexOf(string name) =>
        Schema.Field(name)?.Index ?? throw new KeyNotFoundException($"Record '{Schema.FullName}' has no field '{name}'.");
}
