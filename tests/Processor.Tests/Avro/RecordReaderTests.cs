using System.Text;
using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

public sealed class RecordReaderTests
{
    private static readonly AvroSchema s_movement = AvroFixtures.Load("InventoryMovement");

    [Fact]
    public void A_movement_gives_every_field_its_slot()
    {
        var body = AvroFixtures.Movement();
        var reader = RecordReader.Compile(s_movement, s_movement);
        var slots = new AvroSlot[reader.SlotCount];

        var result = reader.TryRead(body, slots);

        Assert.True(result.IsOk, result.Message);
        Assert.Equal(20, slots.Length);
        Assert.Equal("0f8fad5b-d9cb-469f-a165-70867728950e", Text(body, slots[0]));
        Assert.Equal(1_767_225_600_123, slots[1].Long);
        Assert.Equal(1_767_225_600_456, slots[2].Long);
        Assert.Equal("SKU-0012345", Text(body, slots[3]));
        Assert.Equal("STORE-0042", Text(body, slots[4]));
        Assert.Equal(s_movement.Fields[5].Schema.SymbolIndex("SALE"), slots[5].Long);
        Assert.Equal(-2, slots[6].Long);
        Assert.Equal("POS", Text(body, slots[7]));
        Assert.Equal("RCPT-77-000123", Text(body, slots[8]));
        Assert.True(AvroDecimal.TryRead(slots[9].Slice(body), 4, out var price));
        Assert.Equal(19.99m, price);
        Assert.True(AvroDecimal.TryReadInt64(slots[10].Slice(body), out var cost));
        Assert.Equal(75_000, cost);
        Assert.Equal("GBP", Text(body, slots[11]));
        Assert.Equal(AvroSlotKind.Null, slots[12].Kind);
        Assert.Equal("till-7", Text(body, slots[14]));
        Assert.Equal(AvroSlotKind.Null, slots[16].Kind);
        Assert.Equal("c-9f31", Text(body, slots[18]));
        var entries = new AvroMapCursor(reader.Bytes(body, slots, 19));
        Assert.True(entries.MoveNext());
        Assert.Equal("basket", Encoding.UTF8.GetString(entries.Key));
        Assert.Equal("b-1", Encoding.UTF8.GetString(entries.Value));
        Assert.False(entries.MoveNext());
        Assert.False(entries.MoveNext());
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        var body = AvroFixtures.Movement();
        var broken = body[..^3];
        var reader = RecordReader.Compile(s_movement, s_movement);
        var slots = new AvroSlot[reader.SlotCount];
        var good = 0;
        var allocated = Allocations.Least(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                good += reader.TryRead(body, slots).IsOk ? 1 : 0;
                good += reader.TryRead(broken, slots).IsOk ? 1 : 0;
                var entries = new AvroMapCursor(reader.Bytes(body, slots, 19));
                good += entries.MoveNext() ? 0 : 1000;
                reader.TryRead(body, slots);
            }
        });

        Assert.Equal(0, allocated);
        Assert.True(good > 0);
    }

    [Fact]
    public void Order_lines_are_read_by_an_inner_reader()
    {
        var order = AvroFixtures.Load("OrderEvent");
        var value = new Dictionary<string, object?>
        {
            ["event_id"] = "e1",
            ["event_ts"] = 1L,
            ["ingest_ts"] = 2L,
            ["order_id"] = "o1",
            ["event_type"] = "PLACED",
            ["source_system"] = "ECOM",
            ["lines"] = new List<object?>
            {
                new Dictionary<string, object?> { ["line_id"] = "1", ["sku_id"] = "A", ["location_id"] = "L", ["qty"] = 3L, ["unit_price"] = 1.25m },
                new Dictionary<string, object?> { ["line_id"] = "2", ["sku_id"] = "B", ["location_id"] = "L", ["qty"] = 4L },
            },
        };
        var body = GenericWriter.Write(order, value);
        var reader = RecordReader.Compile(order, order);
        var lines = reader.Inner("lines");
        var slots = new AvroSlot[reader.SlotCount];
        var line = new AvroSlot[lines.SlotCount];
        Assert.True(reader.TryRead(body, slots).IsOk);

        var seen = new List<string>();
        var items = new AvroArrayCursor(reader.Bytes(body, slots, order.Field("lines")!.Index));
        while (items.MoveNext())
        {
            Assert.True(lines.TryReadAt(items.Range, items.Position, line, out var consumed).IsOk);
            seen.Add($"{Text(items.Range, line[1])} {line[3].Long} {lines.ToObject(items.Range, line, 4)}");
            items.Advance(consumed);
        }

        Assert.Equal(["A 3 1.2500", "B 4 "], seen);
    }

    [Fact]
    public void Every_scalar_type_has_its_slot_kind()
    {
        var schema = AvroFixtures.Record("""
            {"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},
            {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},
            {"name":"x","type":{"type":"fixed","name":"X","size":2}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
            {"name":"u","type":["string","null"]},{"name":"m","type":["null","int","string"]}
            """);
        var body = AvroFixtures.Hex("01 03 80897A 0000C03F 000000000000F8BF 02FF 02 41 BEEF 02 02 0242");
        // u: branch 1 is null; m: branch 1 is int 33.
        body = [.. body[..^2], 0x02, 0x42];
        var reader = RecordReader.Compile(schema, schema);
        var slots = new AvroSlot[reader.SlotCount];

        var result = reader.TryRead(body, slots);

        Assert.True(result.IsOk, result.Message);
        Assert.Equal(
            [AvroSlotKind.Null, AvroSlotKind.Boolean, AvroSlotKind.Long, AvroSlotKind.Long, AvroSlotKind.Double, AvroSlotKind.Double,
             AvroSlotKind.Bytes, AvroSlotKind.Bytes, AvroSlotKind.Bytes, AvroSlotKind.Long, AvroSlotKind.Null, AvroSlotKind.Complex],
            slots.Select(slot => slot.Kind));
        Assert.Equal(-2, slots[2].Long);
        Assert.Equal(1_000_000, slots[3].Long);
        Assert.Equal(1.5, slots[4].Double);
        Assert.Equal(-1.5, slots[5].Double);
        Assert.Equal([0xBE, 0xEF], slots[8].Slice(body).ToArray());
        Assert.Equal(33, reader.ToObject(body, slots, 11));
        Assert.Equal("B", reader.ToObject(body, slots, 9));
    }

    [Fact]
    public void Defaults_of_missing_fields_are_slots_like_written_ones()
    {
        var writer = AvroFixtures.OneField("\"int\"");
        var reader = AvroFixtures.Record("""
            {"name":"s","type":"string","default":"é"},{"name":"f","type":"long"},{"name":"n","type":["null","string"],"default":null},
            {"name":"l","type":"long","default":-7},{"name":"d","type":"double","default":2.5},{"name":"b","type":"boolean","default":true},
            {"name":"y","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u0001\u0000"},
            {"name":"m","type":{"type":"map","values":"string"},"default":{"k":"v"}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]},"default":"B"},
            {"name":"u","type":["string","null"],"default":"w"}
            """);
        var compiled = RecordReader.Compile(writer, reader);
        var slots = new AvroSlot[compiled.SlotCount];
        byte[] body = [0x54];

        Assert.True(compiled.TryRead(body, slots).IsOk);

        Assert.Equal("é", Encoding.UTF8.GetString(compiled.Bytes(body, slots, 0)));
        Assert.Equal(42, slots[1].Long);
        Assert.Equal(AvroSlotKind.Null, slots[2].Kind);
        Assert.Equal(-7, slots[3].Long);
        Assert.Equal(2.5, slots[4].Double);
        Assert.Equal((AvroSlotKind.Boolean, 1L), (slots[5].Kind, slots[5].Long));
        Assert.Equal(2.56m, compiled.ToObject(body, slots, 6));
        var entries = new AvroMapCursor(compiled.Bytes(body, slots, 7));
        Assert.True(entries.MoveNext());
        Assert.Equal("v", Encoding.UTF8.GetString(entries.Value));
        Assert.Equal(1, slots[8].Long);
        Assert.Equal("w", Encoding.UTF8.GetString(compiled.Bytes(body, slots, 9)));
    }

    [Fact]
    public void Too_few_slots_are_the_callers_mistake()
    {
        var reader = RecordReader.Compile(s_movement, s_movement);
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.TryRead(AvroFixtures.Movement(), new AvroSlot[3]));
    }

    private static string Text(ReadOnlySpan<byte> body, AvroSlot slot)
    {
        Assert.Equal(AvroSlotKind.Bytes, slot.Kind);
        return Encoding.UTF8.GetString(slot.Slice(body));
    }
}
