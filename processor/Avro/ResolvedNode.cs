namespace Stockflow.Avro;

/// <summary>What to do with one writer value to make it the reader's.</summary>
internal enum ResolvedKind : byte
{
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed,
    Enum,
    Record,
    Array,
    Map,

    /// <summary>The writer wrote a union: its index chooses the branch node.</summary>
    WriterUnion,

    /// <summary>The reader wants a union and the writer wrote a plain value.</summary>
    ReaderUnion,

    IntToLong,
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    BytesToString,
    StringToBytes,

    /// <summary>Times 1000, checked; the writer's value may be an int or a long.</summary>
    MillisToMicros,

    /// <summary>Divided by 1000, towards the past.</summary>
    MicrosToMillis,

    /// <summary>A branch that the reader can not take: an error if a value uses it.</summary>
    Unreadable,
}

/// <summary>
/// A writer type resolved against a reader type. Nodes of recursive types form a cycle. Immutable once compiled.
/// </summary>
internal sealed class ResolvedNode
{
    public ResolvedNode(ResolvedKind kind, AvroSchema writer, AvroSchema reader)
    {
        Kind = kind;
        Writer = writer;
        Reader = reader;
    }

    public ResolvedKind Kind { get; internal set; }

    public AvroSchema Writer { get; }

    /// <summary>The reader's type; for <see cref="ResolvedKind.ReaderUnion"/> the union.</summary>
    public AvroSchema Reader { get; }

    /// <summary>Writer union: a node per branch. Array, map, reader union: one node.</summary>
    public ResolvedNode[] Children { get; internal set; } = [];

    /// <summary>Record: a step per writer field, in the writer's order.</summary>
    public ResolvedField[] Fields { get; internal set; } = [];

    /// <summary>Record: the reader's fields that the writer lacks, with their encoded defaults.</summary>
    public (AvroField Field, byte[] Encoded, ResolvedNode Node)[] Defaults { get; internal set; } = [];

    /// <summary>Enum: the reader's symbol index for each of the writer's, or -1.</summary>
    public int[] Symbols { get; internal set; } = [];

    /// <summary>Reader union: the branch that takes the value.</summary>
    public int ReaderBranch { get; internal set; }

    /// <summary>Fewest bytes that a value of the writer's type has: a bound on item counts.</summary>
    public int MinBytes { get; internal set; }
}

/// <summary>One writer field: where it goes, or a negative index where the reader does not want it.</summary>
internal readonly record struct ResolvedField(string Name, int ReaderIndex, ResolvedNode Node);
