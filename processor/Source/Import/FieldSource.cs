namespace Stockflow.Source.Import;

/// <summary>Where a field's text comes from.</summary>
public sealed class FieldSource
{
    public required ValueTemplate Template { get; init; }

    /// <summary>Text by text of the file, or null where every text is taken as it stands.</summary>
    public IReadOnlyDictionary<string, string>? Map { get; init; }

    /// <summary>What a text that <see cref="Map"/> lacks becomes; null rejects the record.</summary>
    public string? Otherwise { get; init; }

    /// <summary>What an empty value becomes.</summary>
    public string Default { get; init; } = "";

    public bool Trim { get; init; } = true;

    /// <summary>Whether the value is replaced by its keyed hash.</summary>
    public bool Pseudonym { get; init; }

    /// <summary>The text for a record, empty where there is none; false where the map lacks the value, which is then returned.</summary>
    public bool TryEvaluate(RowScope scope, out string value)
    {
        value = Template.Evaluate(scope) ?? "";
        value = Trim ? value.Trim() : value;
        if (value.Length == 0)
        {
            value = Default;
        }
        else if (Map is not null)
        {
            if (Map.TryGetValue(value, out var mapped))
            {
                value = mapped;
            }
            else if (Otherwise is null)
            {
                return false;
            }
            else
            {
                value = Otherwise;
            }
        }

        return true;
    }
}
