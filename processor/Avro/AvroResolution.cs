namespace Stockflow.Avro;

/// <summary>
/// The plan that turns a writer's bytes into a reader's values, by the specification's "Schema Resolution".
/// Compiled once for each pair of schemas; immutable and safe to share between threads.
/// </summary>
public sealed class AvroResolution
{
    private AvroResolution(AvroSchema writer, AvroSchema reader, ResolvedNode root)
    {
        Writer = writer;
        Reader = reader;
        Root = root;
    }

    /// <summary>The schema that the bytes were written with.</summary>
    public AvroSchema Writer { get; }

    /// <summary>The schema that the values are wanted in.</summary>
    public AvroSchema Reader { get; }

    internal ResolvedNode Root { get; }

    /// <summary>
    /// Compiles the plan. What depends on the data (an enum symbol or a union branch that the reader lacks) is no
    /// error here but when a value uses it; <see cref="SchemaCompatibility.Check"/> reports those too.
    /// </summary>
    /// <exception cref="AvroException">The reader can not read anything that this writer writes.</exception>
    public static AvroResolution Compile(AvroSchema writer, AvroSchema reader)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(reader);
        var resolver = new AvroResolver();
        var root = resolver.Resolve(writer, reader, reader.FullName);
        return root is null
            ? throw new AvroException(
                $"Schema '{reader.FullName}' can not read what '{writer.FullName}' wrote: "
                + string.Join("; ", resolver.Violations.Where(v => v.Fatal).Select(v => $"{v.Path}: {v.Reason}")))
            : new AvroResolution(writer, reader, root);
    }
}
