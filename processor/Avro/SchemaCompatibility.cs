namespace Stockflow.Avro;

/// <summary>The compatibility modes of a Confluent Schema Registry.</summary>
public enum CompatibilityMode
{
    /// <summary>Anything goes.</summary>
    None,

    /// <summary>The candidate reads what the latest version wrote.</summary>
    Backward,

    /// <summary>The candidate reads what every earlier version wrote.</summary>
    BackwardTransitive,

    /// <summary>The latest version reads what the candidate writes.</summary>
    Forward,

    /// <summary>Every earlier version reads what the candidate writes.</summary>
    ForwardTransitive,

    /// <summary>Both directions, against the latest version.</summary>
    Full,

    /// <summary>Both directions, against every earlier version.</summary>
    FullTransitive,
}

/// <summary>One reason for which a reader can not read all that a writer may write.</summary>
/// <param name="Path">The place in the reader's schema, such as <c>retail.Order.lines[].qty</c>.</param>
/// <param name="Reason">One sentence.</param>
public sealed record CompatibilityViolation(string Path, string Reason)
{
    /// <summary>Index of the version in the history that it was found against, or -1.</summary>
    public int Version { get; init; } = -1;

    /// <summary>True where nothing can be read; false where only some data would be refused.</summary>
    public bool Fatal { get; init; } = true;

    /// <inheritdoc/>
    public override string ToString() => $"{Path}: {Reason}";
}

/// <summary>Tells whether schemas may follow each other.</summary>
public static class SchemaCompatibility
{
    /// <summary>Every reason for which <paramref name="reader"/> can not read all of <paramref name="writer"/>'s data; empty if it can.</summary>
    public static IReadOnlyList<CompatibilityViolation> Check(AvroSchema reader, AvroSchema writer)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(writer);
        var resolver = new AvroResolver();
        resolver.Resolve(writer, reader, reader.FullName);
        return resolver.Violations;
    }

    /// <summary>Checks a candidate against the versions before it.</summary>
    /// <param name="mode">The rule.</param>
    /// <param name="candidate">The schema to be registered.</param>
    /// <param name="history">The versions so far, oldest first; may be empty.</param>
    /// <returns>The violations; empty if the candidate may be registered.</returns>
    public static IReadOnlyList<CompatibilityViolation> CheckMode(CompatibilityMode mode, AvroSchema candidate, IReadOnlyList<AvroSchema> history)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(history);
        var violations = new List<CompatibilityViolation>();
        if (mode == CompatibilityMode.None)
        {
            return violations;
        }

        var transitive = mode is CompatibilityMode.BackwardTransitive or CompatibilityMode.ForwardTransitive or CompatibilityMode.FullTransitive;
        for (var i = transitive ? 0 : Math.Max(0, history.Count - 1); i < history.Count; i++)
        {
            if (mode is not (CompatibilityMode.Forward or CompatibilityMode.ForwardTransitive))
            {
                Add(violations, candidate, history[i], i, "a consumer with the new schema reads old data");
            }

            if (mode is not (CompatibilityMode.Backward or CompatibilityMode.BackwardTransitive))
            {
                Add(violations, history[i], candidate, i, "a consumer with the old schema reads new data");
            }
        }

        return violations;
    }

    /// <summary>The mode of a registry's name such as <c>BACKWARD_TRANSITIVE</c>, in any case; false if unknown.</summary>
    public static bool TryParseMode(string? text, out CompatibilityMode mode)
    {
        var name = (text ?? "").Replace("_", "", StringComparison.Ordinal);
        return Enum.TryParse(name, ignoreCase: true, out mode) && Enum.IsDefined(mode) && !char.IsAsciiDigit(name[0]);
    }

    /// <summary>The registry's name of a mode, such as <c>BACKWARD_TRANSITIVE</c>.</summary>
    public static string NameOf(CompatibilityMode mode) => mode switch
    {
        CompatibilityMode.Backward => "BACKWARD",
        CompatibilityMode.BackwardTransitive => "BACKWARD_TRANSITIVE",
        CompatibilityMode.Forward => "FORWARD",
        CompatibilityMode.ForwardTransitive => "FORWARD_TRANSITIVE",
        CompatibilityMode.Full => "FULL",
        CompatibilityMode.FullTransitive => "FULL_TRANSITIVE",
        _ => "NONE",
    };

    private static void Add(List<CompatibilityViolation> all, AvroSchema reader, AvroSchema writer, int version, string direction)
    {
        foreach (var violation in Check(reader, writer))
        {
            all.Add(violation with { Version = version, Reason = $"{violation.Reason} ({direction})" });
        }
    }
}
