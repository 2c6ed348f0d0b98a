namespace Stockflow.Avro;

/// <summary>What the record reader does for one writer field. Int kinds check 32 bits, Long kinds do not.</summary>
internal enum RecordOpCode : byte
{
    String,
    Long,
    Bytes,
    Int,
    Enum,
    Null,
    Boolean,
    Double,
    Float,
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
    Fixed,
    MillisToMicros,
    MicrosToMillis,
    Complex,
    Skip,
    Branches,
    Unreadable,
}

/// <summary>One step of a compiled record reader.</summary>
internal struct RecordOp
{
    public RecordOpCode Code;

    /// <summary>True if the writer's type is a union of null and one other type.</summary>
    public bool IsNullable;

    /// <summary>The byte that stands for the null branch of a nullable union: 0 or 2.</summary>
    public byte NullByte;

    public int Slot;

    /// <summary>Size of a fixed.</summary>
    public int Size;

    public int[]? Symbols;
    public ResolvedNode? Node;
    public RecordOp[]? Branches;

    public static RecordOp[] Compile(ResolvedNode record)
    {
        var ops = new RecordOp[record.Fields.Length];
        for (var i = 0; i < ops.Length; i++)
        {
            var field = record.Fields[i];
            ops[i] = field.ReaderIndex < 0 ? Plain(RecordOpCode.Skip, 0, field.Node) : Compile(field.Node, field.ReaderIndex);
        }

        return ops;
    }

    /// <summary>True if a field of this type is one scalar slot, null included; false if it is a complex one.</summary>
    public static bool IsScalar(AvroSchema reader) => reader.Type switch
    {
        AvroType.Array or AvroType.Map or AvroType.Record => false,
        AvroType.Union => Nullable(reader) is { } inner && IsScalar(inner),
        _ => true,
    };

    /// <summary>T of [T], ["null", T] and [T, "null"]; null for other unions.</summary>
    public static AvroSchema? Nullable(AvroSchema union)
    {
        var branches = union.Branches;
        return branches.Count == 1 ? branches[0]
            : branches.Count != 2 ? null
            : branches[0].Type == AvroType.Null ? branches[1]
            : branches[1].Type == AvroType.Null ? branches[0]
            : null;
    }

    private static RecordOp Plain(RecordOpCode code, int slot, ResolvedNode node) => new() { Code = code, Slot = slot, Node = node };

    private static RecordOp Compile(ResolvedNode node, int slot)
    {
        if (node.Reader.Type == AvroType.Union && Nullable(node.Reader) is null)
        {
            return Plain(RecordOpCode.Complex, slot, node);
        }

        switch (node.Kind)
        {
            case ResolvedKind.ReaderUnion:
                return Compile(node.Children[0], slot);
            case ResolvedKind.WriterUnion:
                var branches = Array.ConvertAll(node.Children, child => Compile(child, slot));
                var nullAt = Array.FindIndex(branches, op => op.Code == RecordOpCode.Null);
                if (branches.Length == 2 && nullAt >= 0)
                {
                    return branches[1 - nullAt] with { IsNullable = true, NullByte = (byte)(nullAt * 2) };
                }

                return Plain(RecordOpCode.Branches, slot, node) with { Branches = branches };
            case ResolvedKind.Enum:
                return Plain(RecordOpCode.Enum, slot, node) with { Symbols = node.Symbols };
            case ResolvedKind.Fixed:
                return Plain(RecordOpCode.Fixed, slot, node) with { Size = node.Writer.Size };
            default:
                return Plain(CodeOf(node.Kind), slot, node);
        }
    }

    private static RecordOpCode CodeOf(ResolvedKind kind) => kind switch
    {
        ResolvedKind.Null => RecordOpCode.Null,
        ResolvedKind.Boolean => RecordOpCode.Boolean,
        ResolvedKind.Int or ResolvedKind.IntToLong => RecordOpCode.Int,
        ResolvedKind.Long => RecordOpCode.Long,
        ResolvedKind.Float or ResolvedKind.FloatToDouble => RecordOpCode.Float,
        ResolvedKind.Double => RecordOpCode.Double,
        ResolvedKind.Bytes or ResolvedKind.StringToBytes => RecordOpCode.Bytes,
        ResolvedKind.String or ResolvedKind.BytesToString => RecordOpCode.String,
        ResolvedKind.IntToFloat => RecordOpCode.IntToFloat,
        ResolvedKind.IntToDouble => RecordOpCode.IntToDouble,
        ResolvedKind.LongToFloat => RecordOpCode.LongToFloat,
        ResolvedKind.LongToDouble => RecordOpCode.LongToDouble,
        ResolvedKind.MillisToMicros => RecordOpCode.MillisToMicros,
        ResolvedKind.MicrosToMillis => RecordOpCode.MicrosToMillis,
        ResolvedKind.Unreadable => RecordOpCode.Unreadable,
        _ => RecordOpCode.Complex,
    };
}
