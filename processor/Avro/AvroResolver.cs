namespace Stockflow.Avro;

/// <summary>Builds <see cref="ResolvedNode"/> trees and collects every reason for which two types do not resolve.</summary>
internal sealed class AvroResolver
{
    // Real schemas need a few hundred steps; the bound stops crafted unions of unions from trying for ever.
    private const int MaxSteps = 200_000;
    private const int MaxDepth = 200;

    private readonly Dictionary<(AvroSchema Writer, AvroSchema Reader), ResolvedNode> _known = [];
    private readonly List<(AvroSchema Writer, AvroSchema Reader)> _added = [];
    private int _steps;
    private int _depth;

    public List<CompatibilityViolation> Violations { get; } = [];

    /// <summary>The node, or null with at least one fatal violation added.</summary>
    public ResolvedNode? Resolve(AvroSchema writer, AvroSchema reader, string path)
    {
        if (_known.TryGetValue((writer, reader), out var known))
        {
            return known;
        }

        if (++_steps > MaxSteps || _depth > MaxDepth)
        {
            return Fail(path, "the schemas are too deep or too complex to resolve");
        }

        _depth++;
        var added = _added.Count;
        var node = writer.Type == AvroType.Union ? FromUnion(writer, reader, path)
            : reader.Type == AvroType.Union ? ToUnion(writer, reader, path)
            : Plain(writer, reader, path);
        _depth--;
        if (node is not null)
        {
            node.MinBytes = MinBytes(node);
            return node;
        }

        for (var i = _added.Count - 1; i >= added; i--)
        {
            // Nodes made on the way may refer to the failed one.
            _known.Remove(_added[i]);
            _added.RemoveAt(i);
        }

        return null;
    }

    private ResolvedNode? Fail(string path, string reason, bool fatal = true)
    {
        Violations.Add(new CompatibilityViolation(path, reason) { Fatal = fatal });
        return null;
    }

    private ResolvedNode? FromUnion(AvroSchema writer, AvroSchema reader, string path)
    {
        var node = new ResolvedNode(ResolvedKind.WriterUnion, writer, reader) { Children = new ResolvedNode[writer.Branches.Count] };
        var readable = 0;
        var first = Violations.Count;
        for (var i = 0; i < writer.Branches.Count; i++)
        {
            var branch = writer.Branches[i];
            var child = Resolve(branch, reader, path);
            readable += child is null ? 0 : 1;
            node.Children[i] = child ?? new ResolvedNode(ResolvedKind.Unreadable, branch, reader);
        }

        if (readable == 0)
        {
            return null;
        }

        for (var i = first; i < Violations.Count; i++)
        {
            // Only data that uses the branch is lost, so reading may start.
            Violations[i] = Violations[i] with { Fatal = false };
        }

        return node;
    }

    private ResolvedNode? ToUnion(AvroSchema writer, AvroSchema reader, string path)
    {
        var node = new ResolvedNode(ResolvedKind.ReaderUnion, writer, reader);
        for (var rank = 0; rank <= 2; rank++)
        {
            for (var i = 0; i < reader.Branches.Count; i++)
            {
                if (Rank(writer, reader.Branches[i]) == rank && Try(writer, reader.Branches[i], path) is { } child)
                {
                    node.Children = [child];
                    node.ReaderBranch = i;
                    return node;
                }
            }
        }

        return Fail(path, $"the writer's {Describe(writer)} fits no branch of the reader's union [{string.Join(", ", reader.Branches.Select(Describe))}]");
    }

    private ResolvedNode? Try(AvroSchema writer, AvroSchema reader, string path)
    {
        var violations = Violations.Count;
        var node = Resolve(writer, reader, path);
        if (node is null)
        {
            Violations.RemoveRange(violations, Violations.Count - violations);
        }

        return node;
    }

    /// <summary>0 the same type, 1 the same type by unqualified name or alias or with another logical type, 2 a promotion.</summary>
    private static int Rank(AvroSchema writer, AvroSchema reader) =>
        writer.Type != reader.Type ? 2 : writer.FullName == reader.FullName && writer.Logical == reader.Logical ? 0 : 1;

    private ResolvedNode? Plain(AvroSchema writer, AvroSchema reader, string path) => (writer.Type, reader.Type) switch
    {
        (AvroType.Record, AvroType.Record) => Record(writer, reader, path),
        (AvroType.Enum, AvroType.Enum) => Enum(writer, reader, path),
        (AvroType.Fixed, AvroType.Fixed) => Fixed(writer, reader, path),
        (AvroType.Array, AvroType.Array) => Items(ResolvedKind.Array, writer, reader, path + "[]"),
        (AvroType.Map, AvroType.Map) => Items(ResolvedKind.Map, writer, reader, path + "{}"),
        var (from, to) when ScalarKind(writer, reader) is { } kind && from < AvroType.Record && to < AvroType.Record =>
            DecimalsMatch(writer, reader, path) ? new ResolvedNode(kind, writer, reader) : null,
        _ => Fail(path, $"the writer's {Describe(writer)} can not be read as {Describe(reader)}"),
    };

    private static ResolvedKind? ScalarKind(AvroSchema writer, AvroSchema reader) => (writer.Type, reader.Type) switch
    {
        (AvroType.Null, AvroType.Null) => ResolvedKind.Null,
        (AvroType.Boolean, AvroType.Boolean) => ResolvedKind.Boolean,
        (AvroType.Int, AvroType.Int) => ResolvedKind.Int,
        (AvroType.Int, AvroType.Long) => (writer.Logical, reader.Logical) == (AvroLogicalType.TimeMillis, AvroLogicalType.TimeMicros)
            ? ResolvedKind.MillisToMicros : ResolvedKind.IntToLong,
        (AvroType.Int, AvroType.Float) => ResolvedKind.IntToFloat,
        (AvroType.Int, AvroType.Double) => ResolvedKind.IntToDouble,
        (AvroType.Long, AvroType.Long) => TimestampKind(writer.Logical, reader.Logical),
        (AvroType.Long, AvroType.Float) => ResolvedKind.LongToFloat,
        (AvroType.Long, AvroType.Double) => ResolvedKind.LongToDouble,
        (AvroType.Float, AvroType.Float) => ResolvedKind.Float,
        (AvroType.Float, AvroType.Double) => ResolvedKind.FloatToDouble,
        (AvroType.Double, AvroType.Double) => ResolvedKind.Double,
        (AvroType.Bytes, AvroType.Bytes) => ResolvedKind.Bytes,
        (AvroType.Bytes, AvroType.String) => ResolvedKind.BytesToString,
        (AvroType.String, AvroType.String) => ResolvedKind.String,
        (AvroType.String, AvroType.Bytes) => ResolvedKind.StringToBytes,
        _ => null,
    };

    private static ResolvedKind TimestampKind(AvroLogicalType writer, AvroLogicalType reader) => (writer, reader) switch
    {
        (AvroLogicalType.TimestampMillis, AvroLogicalType.TimestampMicros) => ResolvedKind.MillisToMicros,
        (AvroLogicalType.TimestampMicros, AvroLogicalType.TimestampMillis) => ResolvedKind.MicrosToMillis,
        (AvroLogicalType.LocalTimestampMillis, AvroLogicalType.LocalTimestampMicros) => ResolvedKind.MillisToMicros,
        (AvroLogicalType.LocalTimestampMicros, AvroLogicalType.LocalTimestampMillis) => ResolvedKind.MicrosToMillis,
        _ => ResolvedKind.Long,
    };

    private ResolvedNode? Record(AvroSchema writer, AvroSchema reader, string path)
    {
        if (!AvroNames.Match(writer, reader))
        {
            return Fail(path, $"the writer's record is '{writer.FullName}', and the reader's '{reader.FullName}' has no such name or alias");
        }

        var node = new ResolvedNode(ResolvedKind.Record, writer, reader);
        _known.Add((writer, reader), node);
        _added.Add((writer, reader));
        var sources = new int[writer.Fields.Count];
        Array.Fill(sources, -1);
        var defaults = new List<(AvroField, byte[], ResolvedNode)>();
        var good = true;
        foreach (var field in reader.Fields)
        {
            if (FindSource(writer, field, sources) is { } source)
            {
                sources[source.Index] = field.Index;
            }
            else if (field.HasDefault)
            {
                var own = Resolve(field.Schema, field.Schema, $"{path}.{field.Name}");
                good &= own is not null;
                defaults.Add((field, AvroDefault.Encode(field), own!));
            }
            else
            {
                Fail($"{path}.{field.Name}", $"the reader's field '{field.Name}' is missing in the writer's schema and has no default");
                good = false;
            }
        }

        node.Fields = new ResolvedField[sources.Length];
        foreach (var field in writer.Fields)
        {
            var target = sources[field.Index];
            var wanted = target < 0 ? field.Schema : reader.Fields[target].Schema;
            var child = Resolve(field.Schema, wanted, $"{path}.{(target < 0 ? field.Name : reader.Fields[target].Name)}");
            good &= child is not null;
            node.Fields[field.Index] = new ResolvedField(field.Name, target, child!);
        }

        node.Defaults = [.. defaults];
        return good ? node : null;
    }

    private static AvroField? FindSource(AvroSchema writer, AvroField field, int[] sources)
    {
        if (writer.Field(field.Name) is { } same)
        {
            return same;
        }

        foreach (var alias in field.Aliases)
        {
            if (writer.Field(alias) is { } other && sources[other.Index] < 0)
            {
                return other;
            }
        }

        return null;
    }

    private ResolvedNode? Enum(AvroSchema writer, AvroSchema reader, string path)
    {
        if (!AvroNames.Match(writer, reader))
        {
            return Fail(path, $"the writer's enum is '{writer.FullName}', and the reader's '{reader.FullName}' has no such name or alias");
        }

        var fallback = reader.EnumDefault is null ? -1 : reader.SymbolIndex(reader.EnumDefault);
        var indexes = reader.Symbols.Select((symbol, index) => (symbol, index)).ToDictionary(pair => pair.symbol, pair => pair.index, StringComparer.Ordinal);
        var symbols = new int[writer.Symbols.Count];
        for (var i = 0; i < symbols.Length; i++)
        {
            symbols[i] = indexes.GetValueOrDefault(writer.Symbols[i], fallback);
            if (symbols[i] < 0)
            {
                Fail(path, $"the reader's enum '{reader.FullName}' lacks the symbol '{writer.Symbols[i]}' and has no default", fatal: false);
            }
        }

        return new ResolvedNode(ResolvedKind.Enum, writer, reader) { Symbols = symbols };
    }

    private ResolvedNode? Fixed(AvroSchema writer, AvroSchema reader, string path)
    {
        if (!AvroNames.Match(writer, reader))
        {
            return Fail(path, $"the writer's fixed is '{writer.FullName}', and the reader's '{reader.FullName}' has no such name or alias");
        }

        if (writer.Size != reader.Size)
        {
            return Fail(path, $"the writer's fixed has {writer.Size} bytes and the reader's {reader.Size}");
        }

        return DecimalsMatch(writer, reader, path) ? new ResolvedNode(ResolvedKind.Fixed, writer, reader) : null;
    }

    private bool DecimalsMatch(AvroSchema writer, AvroSchema reader, string path)
    {
        if (writer.Logical != AvroLogicalType.Decimal || reader.Logical != AvroLogicalType.Decimal
            || (writer.Precision == reader.Precision && writer.Scale == reader.Scale))
        {
            return true;
        }

        Fail(path, $"the writer's {Describe(writer)} and the reader's {Describe(reader)} differ in precision or scale");
        return false;
    }

    private ResolvedNode? Items(ResolvedKind kind, AvroSchema writer, AvroSchema reader, string path) =>
        Resolve(writer.Items!, reader.Items!, path) is { } item ? new ResolvedNode(kind, writer, reader) { Children = [item] } : null;

    private static int MinBytes(ResolvedNode node) => node.Kind switch
    {
        // Recursive nodes that are not finished count as 0, which only makes the bound weaker.
        ResolvedKind.Null or ResolvedKind.Unreadable => 0,
        ResolvedKind.Float or ResolvedKind.FloatToDouble => 4,
        ResolvedKind.Double => 8,
        ResolvedKind.Fixed => node.Writer.Size,
        ResolvedKind.ReaderUnion => node.Children[0].MinBytes,
        ResolvedKind.Record => (int)Math.Min(int.MaxValue, node.Fields.Sum(field => (long)field.Node.MinBytes)),
        _ => 1,
    };

    private static string Describe(AvroSchema schema) => schema.Logical switch
    {
        AvroLogicalType.None => schema.IsNamed ? $"{schema.TypeName} {schema.FullName}" : schema.TypeName,
        AvroLogicalType.Decimal => $"decimal({schema.Precision},{schema.Scale})",
        var logical => $"{schema.TypeName} ({AvroLogicalTypes.NameOf(logical)})",
    };
}
