namespace Stockflow.Avro;

/// <summary>Defaults, and the way into arrays, maps and nested records.</summary>
public sealed partial class RecordReader
{
    /// <summary>The content of a slot of kind Bytes, Complex or Default; empty for other kinds.</summary>
    /// <param name="input">What was read.</param>
    /// <param name="slots">What <see cref="TryRead"/> filled.</param>
    /// <param name="index">The reader's field index.</param>
    public ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> input, ReadOnlySpan<AvroSlot> slots, int index)
    {
        ref readonly var slot = ref slots[index];
        return slot.Kind == AvroSlotKind.Default ? _defaultBytes[index] : slot.Slice(input);
    }

    /// <summary>
    /// A reader for the records inside a complex field: the items of an array of records, the values of a map of
    /// records, or the nested record itself. Compile once and keep it.
    /// </summary>
    /// <param name="field">The reader's field name.</param>
    /// <exception cref="AvroException">The field is none of these, or the writer's items are a union.</exception>
    public RecordReader Inner(string field)
    {
        var target = _record.Reader.Field(field) ?? throw new AvroException($"Record '{_record.Reader.FullName}' has no field '{field}'.");
        var node = Array.Find(_record.Fields, f => f.ReaderIndex == target.Index).Node
            ?? AvroResolution.Compile(target.Schema, target.Schema).Root;
        node = Unwrap(node);
        node = node?.Kind is ResolvedKind.Array or ResolvedKind.Map ? Unwrap(node.Children[0]) : node;
        return node?.Kind == ResolvedKind.Record
            ? new RecordReader(node, _limits)
            : throw new AvroException($"Field '{field}' of '{_record.Reader.FullName}' holds no records that can be read one by one.");
    }

    /// <summary>Any slot as an object of the generic model (see <see cref="GenericReader"/>); allocates.</summary>
    /// <param name="input">What was read.</param>
    /// <param name="slots">What <see cref="TryRead"/> filled.</param>
    /// <param name="index">The reader's field index.</param>
    public object? ToObject(ReadOnlySpan<byte> input, ReadOnlySpan<AvroSlot> slots, int index)
    {
        ref readonly var slot = ref slots[index];
        var field = _record.Reader.Fields[index];
        var schema = field.Schema.Type == AvroType.Union ? RecordOp.Nullable(field.Schema) ?? field.Schema : field.Schema;
        switch (slot.Kind)
        {
            case AvroSlotKind.Null:
                return null;
            case AvroSlotKind.Boolean:
                return slot.Long != 0;
            case AvroSlotKind.Long:
                return GenericReader.FromLong(schema, slot.Long);
            case AvroSlotKind.Double:
                return schema.Type == AvroType.Float ? (object)(float)slot.Double : slot.Double;
            case AvroSlotKind.Bytes:
                return GenericReader.FromBytes(schema, slot.Slice(input));
            case AvroSlotKind.Default:
                var first = 0;
                var encoded = AvroDefault.Encode(field);
                return GenericReader.Read(Array.Find(_record.Defaults, d => d.Field == field).Node, encoded, ref first, _limits);
            default:
                var op = Array.Find(_ops, op => op.Slot == index && op.Code != RecordOpCode.Skip);
                var node = (op.Code == RecordOpCode.Branches ? op.Branches![slot.Branch].Node : op.Node)!;
                var position = slot.Start;
                return GenericReader.Read(node, input, ref position, _limits);
        }
    }

    /// <summary>The one branch of a union that is not null; null if there are several.</summary>
    private static ResolvedNode? Unwrap(ResolvedNode? node)
    {
        while (node?.Kind is ResolvedKind.ReaderUnion or ResolvedKind.WriterUnion)
        {
            var children = Array.FindAll(node.Children, child => child.Writer.Type != AvroType.Null && child.Kind != ResolvedKind.Unreadable);
            node = children.Length == 1 ? children[0] : null;
        }

        return node;
    }

    private void CompileDefaults()
    {
        for (var i = 0; i < _defaults.Length; i++)
        {
            var (field, encoded, node) = _record.Defaults[i];
            _defaultIndexes[i] = field.Index;
            _defaults[i] = new AvroSlot { Kind = AvroSlotKind.Default };
            _defaultBytes[field.Index] = encoded;
            if (!RecordOp.IsScalar(field.Schema))
            {
                continue;
            }

            // A record of this one field, read by itself, gives the slot; its bytes are kept apart from the input.
            var probe = new AvroSlot[1];
            var single = new ResolvedNode(ResolvedKind.Record, OneField(field), OneField(field)) { Fields = [new ResolvedField(field.Name, 0, node)] };
            var result = new RecordReader(single, AvroLimits.Default with { MaxBytes = int.MaxValue }).TryRead(encoded, probe);
            if (!result.IsOk)
            {
                throw new AvroException($"The default of field '{field.Name}' can not be read: {result.Message}.");
            }

            if (probe[0].Kind == AvroSlotKind.Bytes)
            {
                _defaultBytes[field.Index] = probe[0].Slice(encoded).ToArray();
            }
            else
            {
                _defaults[i] = probe[0];
            }
        }
    }

    private static AvroSchema OneField(AvroField field) =>
        new(AvroType.Record) { Name = "Default", Fields = [new AvroField(field.Name, 0, field.Schema)] };
}
