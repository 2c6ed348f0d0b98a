using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

public sealed class ResolutionTests
{
    private static readonly (string Name, string Schema, object Value)[] s_scalars =
    [
        ("int", "\"int\"", 65), ("long", "\"long\"", 65L), ("float", "\"float\"", 65f), ("double", "\"double\"", 65.0),
        ("string", "\"string\"", "A"), ("bytes", "\"bytes\"", new byte[] { 65 }), ("boolean", "\"boolean\"", true),
        ("fixed", """{"type":"fixed","name":"F","size":1}""", new byte[] { 65 }), ("enum", """{"type":"enum","name":"E","symbols":["A"]}""", "A"),
    ];

    // From the specification's "Schema Resolution"; everything not listed must be refused.
    private static readonly HashSet<(string, string)> s_promotions =
    [
        ("int", "long"), ("int", "float"), ("int", "double"), ("long", "float"), ("long", "double"), ("float", "double"),
        ("string", "bytes"), ("bytes", "string"),
    ];

    [Fact]
    public void The_matrix_of_scalar_promotions_is_the_specifications()
    {
        foreach (var (from, writerText, value) in s_scalars)
        {
            foreach (var (to, readerText, wanted) in s_scalars)
            {
                var writer = AvroFixtures.OneField(writerText);
                var reader = AvroFixtures.OneField(readerText);
                var allowed = from == to || s_promotions.Contains((from, to));
                Assert.Equal(allowed, SchemaCompatibility.Check(reader, writer).Count == 0);
                if (!allowed)
                {
                    var error = Assert.Throws<AvroException>(() => RecordReader.Compile(writer, reader));
                    Assert.Contains("R.f", error.Message, StringComparison.Ordinal);
                    continue;
                }

                Assert.Equal(wanted, Both(writer, reader, GenericWriter.Write(writer, One(value))));
            }
        }
    }

    [Theory]
    [InlineData("\"string\"", "\"a\"", """["null","string"]""", "a")]
    [InlineData("""["null","string"]""", "\"a\"", "\"string\"", "a")]
    [InlineData("""["null","string"]""", "\"a\"", """["string","null"]""", "a")]
    [InlineData("""["null","string"]""", "null", """["string","null"]""", null)]
    [InlineData("""["null","int"]""", "7", """["null","long"]""", 7L)]
    [InlineData("\"int\"", "7", """["double","long","int"]""", 7)]
    [InlineData("\"int\"", "7", """["string","double","long"]""", 7.0)]
    [InlineData("""["int","string"]""", "\"x\"", """["string","long"]""", "x")]
    [InlineData("""["int","long"]""", "3", "\"double\"", 3.0)]
    [InlineData("""["string"]""", "\"x\"", "\"string\"", "x")]
    [InlineData("\"string\"", "\"x\"", """["string"]""", "x")]
    public void Unions_take_the_exact_branch_first_and_then_the_first_promotion(string writer, string json, string reader, object? wanted)
    {
        var from = AvroFixtures.OneField(writer);
        var to = AvroFixtures.OneField(reader);
        var body = GenericWriter.Write(from, One(AvroJson.Read(from.Fields[0].Schema, json)));
        Assert.Equal(wanted, Both(from, to, body));
    }

    [Fact]
    public void A_branch_that_the_reader_lacks_is_an_error_only_when_used()
    {
        var writer = AvroFixtures.OneField("""["null","string","int"]""");
        var reader = AvroFixtures.OneField("\"string\"");
        Assert.Equal("a", Both(writer, reader, AvroFixtures.Hex("020261")));
        Assert.Equal(AvroErrorCode.UnreadableUnionBranch, Refused(writer, reader, AvroFixtures.Hex("00")));
        Assert.Equal(AvroErrorCode.UnreadableUnionBranch, Refused(writer, reader, AvroFixtures.Hex("0402")));
        Assert.Equal(2, SchemaCompatibility.Check(reader, writer).Count);
        Assert.All(SchemaCompatibility.Check(reader, writer), violation => Assert.False(violation.Fatal));
    }

    [Fact]
    public void An_unknown_symbol_is_the_readers_default_or_an_error()
    {
        var writer = AvroFixtures.OneField("""{"type":"enum","name":"E","symbols":["A","B","C"]}""");
        var strict = AvroFixtures.OneField("""{"type":"enum","name":"E","symbols":["C","A"]}""");
        var lenient = AvroFixtures.OneField("""{"type":"enum","name":"E","symbols":["U","C","A"],"default":"U"}""");
        Assert.Equal("C", Both(writer, strict, [0x04]));
        Assert.Equal(AvroErrorCode.UnknownEnumSymbol, Refused(writer, strict, [0x02]));
        Assert.Equal("U", Both(writer, lenient, [0x02]));
        Assert.Equal(AvroErrorCode.BadEnumIndex, Refused(writer, lenient, [0x06]));
        Assert.Contains("'B'", Assert.Single(SchemaCompatibility.Check(strict, writer)).Reason, StringComparison.Ordinal);
        Assert.Empty(SchemaCompatibility.Check(lenient, writer));
    }

    [Fact]
    public void Fields_are_matched_by_name_and_alias_reordered_skipped_and_defaulted()
    {
        var writer = AvroFixtures.Record("""
            {"name":"old","type":"int"},{"name":"gone","type":{"type":"map","values":{"type":"array","items":["null","string"]}}},{"name":"a","type":"string"}
            """, "Old");
        var reader = AvroSchema.Parse("""
            {"type":"record","name":"New","aliases":["Old"],"fields":[
              {"name":"a","type":"string"},{"name":"added","type":{"type":"array","items":"int"},"default":[1,2]},{"name":"renamed","aliases":["x","old"],"type":"long"}]}
            """);
        var body = GenericWriter.Write(writer, new Dictionary<string, object?>
        {
            ["old"] = 9,
            ["gone"] = new Dictionary<string, object?> { ["k"] = new List<object?> { null, "v" } },
            ["a"] = "z",
        });

        var record = Assert.IsType<AvroRecord>(GenericReader.Read(writer, reader, body));
        Assert.Equal("z", record["a"]);
        Assert.Equal(9L, record["renamed"]);
        Assert.Equal(new List<object?> { 1, 2 }, record["added"]);

        var compiled = RecordReader.Compile(writer, reader);
        var slots = new AvroSlot[3];
        Assert.True(compiled.TryRead(body, slots).IsOk);
        Assert.Equal("z", compiled.ToObject(body, slots, 0));
        Assert.Equal(new List<object?> { 1, 2 }, compiled.ToObject(body, slots, 1));
        Assert.Equal(9, slots[2].Long);
    }

    [Fact]
    public void Missing_fields_and_other_names_are_reported_together()
    {
        var writer = AvroSchema.Parse("""{"type":"record","name":"R","fields":[{"name":"in","type":{"type":"record","name":"A","fields":[]}}]}""");
        var reader = AvroSchema.Parse("""{"type":"record","name":"R","fields":[{"name":"in","type":{"type":"record","name":"B","fields":[]}},{"name":"new","type":"int"}]}""");
        Assert.Equal(["R.new", "R.in"], SchemaCompatibility.Check(reader, writer).Select(violation => violation.Path));
        Assert.Throws<AvroException>(() => AvroResolution.Compile(writer, reader));
    }

    [Theory]
    [InlineData("timestamp-millis", "timestamp-micros", 5, 5000)]
    [InlineData("timestamp-micros", "timestamp-millis", -1, -1)]
    [InlineData("timestamp-micros", "timestamp-millis", 1999, 1)]
    [InlineData("timestamp-micros", "timestamp-micros", 1999, 1999)]
    [InlineData("timestamp-millis", "unknown", 7, 7)]
    public void Timestamps_are_converted_when_both_sides_declare_them(string from, string to, long written, long wanted)
    {
        var writer = AvroFixtures.OneField($$"""{"type":"long","logicalType":"{{from}}"}""");
        var reader = AvroFixtures.OneField($$"""{"type":"long","logicalType":"{{to}}"}""");
        var compiled = RecordReader.Compile(writer, reader);
        var slots = new AvroSlot[1];
        Assert.True(compiled.TryRead(GenericWriter.Write(writer, One(written)), slots).IsOk);
        Assert.Equal(wanted, slots[0].Long);
    }

    [Fact]
    public void A_timestamp_that_overflows_is_refused()
    {
        var writer = AvroFixtures.OneField("""{"type":"long","logicalType":"timestamp-millis"}""");
        var reader = AvroFixtures.OneField("""{"type":"long","logicalType":"timestamp-micros"}""");
        Assert.Equal(AvroErrorCode.TimestampOverflow, Refused(writer, reader, AvroFixtures.Hex("FEFFFFFFFFFFFFFFFF01")));
    }

    [Theory]
    [InlineData(18, 4, 18, 4, true)]
    [InlineData(18, 4, 18, 2, false)]
    [InlineData(18, 4, 20, 4, false)]
    public void Decimals_match_at_equal_precision_and_scale_only(int p1, int s1, int p2, int s2, bool wanted)
    {
        var writer = AvroFixtures.OneField($$"""{"type":"bytes","logicalType":"decimal","precision":{{p1}},"scale":{{s1}}}""");
        var reader = AvroFixtures.OneField($$"""["null",{"type":"bytes","logicalType":"decimal","precision":{{p2}},"scale":{{s2}}}]""");
        Assert.Equal(wanted, SchemaCompatibility.Check(reader, writer).Count == 0);
    }

    [Fact]
    public void Recursive_types_resolve()
    {
        const string Writer = """{"type":"record","name":"N","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","N"]}]}""";
        const string Reader = """{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]},{"name":"v","type":"long"},{"name":"w","type":"int","default":4}]}""";
        var record = Assert.IsType<AvroRecord>(GenericReader.Read(AvroSchema.Parse(Writer), AvroSchema.Parse(Reader), AvroFixtures.Hex("02 02 04 00")));
        var next = Assert.IsType<AvroRecord>(record["next"]);
        Assert.Equal((2L, 4, null), ((long)next["v"]!, (int)next["w"]!, next["next"]));
    }

    [Fact]
    public void A_record_that_failed_for_one_branch_is_not_taken_for_another()
    {
        // A (writer) lacks a field of A (reader); the second use must not find a half-made plan.
        var writer = AvroSchema.Parse("""{"type":"record","name":"R","fields":[{"name":"x","type":["null",{"type":"record","name":"A","fields":[]}]},{"name":"y","type":["null","A"]}]}""");
        var reader = AvroSchema.Parse("""{"type":"record","name":"R","fields":[{"name":"x","type":["null",{"type":"record","name":"A","fields":[{"name":"q","type":"int"}]}]},{"name":"y","type":["null","A"]}]}""");
        Assert.Equal(AvroErrorCode.UnreadableUnionBranch, Refused(writer, reader, AvroFixtures.Hex("00 02")));
        Assert.Equal(AvroErrorCode.UnreadableUnionBranch, Refused(writer, reader, AvroFixtures.Hex("02 00")));
    }

    [Fact]
    public void Inner_records_evolve_too()
    {
        var writer = AvroFixtures.OneField("""{"type":"array","items":{"type":"record","name":"L","fields":[{"name":"old","type":"string"},{"name":"q","type":"int"}]}}""");
        var reader = AvroFixtures.OneField("""{"type":"array","items":{"type":"record","name":"L","fields":[{"name":"q","type":"double"},{"name":"p","type":"string","default":"d"}]}}""");
        var body = AvroFixtures.Hex("04 0261 06 0262 08 00");
        var compiled = RecordReader.Compile(writer, reader);
        var inner = compiled.Inner("f");
        var slots = new AvroSlot[1];
        var line = new AvroSlot[2];
        Assert.True(compiled.TryRead(body, slots).IsOk);
        var items = new AvroArrayCursor(compiled.Bytes(body, slots, 0));
        var seen = new List<double>();
        while (items.MoveNext())
        {
            Assert.True(inner.TryReadAt(items.Range, items.Position, line, out var consumed).IsOk);
            seen.Add(line[0].Double);
            Assert.Equal("d"u8.ToArray(), inner.Bytes(items.Range, line, 1).ToArray());
            items.Advance(consumed);
        }

        Assert.Equal([3.0, 4.0], seen);
    }

    private static Dictionary<string, object?> One(object? value) => new() { ["f"] = value };

    private static object? Both(AvroSchema writer, AvroSchema reader, byte[] body)
    {
        var generic = Assert.IsType<AvroRecord>(GenericReader.Read(writer, reader, body))["f"];
        var compiled = RecordReader.Compile(writer, reader);
        var slots = new AvroSlot[compiled.SlotCount];
        var result = compiled.TryRead(body, slots);
        Assert.True(result.IsOk, result.Message);
        Assert.Equal(generic, compiled.ToObject(body, slots, 0));
        return generic;
    }

    private static AvroErrorCode Refused(AvroSchema writer, AvroSchema reader, byte[] body)
    {
        var compiled = RecordReader.Compile(writer, reader);
        var result = compiled.TryRead(body, new AvroSlot[compiled.SlotCount]);
        var error = Assert.Throws<AvroDataException>(() => GenericReader.Read(writer, reader, body));
        Assert.Equal(error.Code, result.Code);
        Assert.NotNull(result.Field);
        return result.Code;
    }
}
