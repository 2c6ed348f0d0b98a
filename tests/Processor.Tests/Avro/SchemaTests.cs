using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

public sealed class SchemaTests
{
    [Theory]
    [InlineData("CalendarDay")]
    [InlineData("InboundAppointment")]
    [InlineData("InventoryMovement")]
    [InlineData("Location")]
    [InlineData("OrderEvent")]
    [InlineData("Promotion")]
    [InlineData("PurchaseOrderEvent")]
    [InlineData("ShipNotice")]
    [InlineData("Sku")]
    [InlineData("SkuVendor")]
    [InlineData("Vendor")]
    public void Our_schemas_survive_writing_and_parsing(string name)
    {
        var schema = AvroFixtures.Load(name);
        var again = AvroSchema.Parse(schema.ToJson());
        Assert.Equal("retail.inventory.v1." + name, schema.FullName);
        Assert.Equal(schema.CanonicalForm, again.CanonicalForm);
        Assert.Equal(schema.ToJson(), again.ToJson());
        Assert.Empty(SchemaCompatibility.Check(schema, again));
    }

    [Fact]
    public void Nothing_that_was_declared_is_lost()
    {
        const string Text = """{"type":"record","name":"R","namespace":"a.b","doc":"d","aliases":["a.b.Old"],"fields":[{"name":"f","type":{"type":"string","avro.java.string":"String"},"doc":"x","default":"q","aliases":["g"],"order":"ignore"},{"name":"e","type":{"type":"enum","name":"E","namespace":"c","symbols":["A","B"],"default":"B"}},{"name":"t","type":{"type":"long","logicalType":"timestamp-nanos"}},{"name":"d","type":{"type":"fixed","name":"D","size":8,"logicalType":"decimal","precision":18,"scale":4}},{"name":"again","type":["null","D","c.E"],"default":null}],"owner":"team"}""";
        Assert.Equal(Text, AvroSchema.Parse(Text).ToJson());
    }

    // The specification's reference fingerprints, as in Apache Avro's share/test/data/schema-tests.txt.
    [Theory]
    [InlineData("\"null\"", "\"null\"", 7195948357588979594)]
    [InlineData("""{"type":"boolean"}""", "\"boolean\"", -6970731678124411036)]
    [InlineData("\"int\"", "\"int\"", 8247732601305521295)]
    [InlineData("\"long\"", "\"long\"", -3434872931120570953)]
    [InlineData("\"float\"", "\"float\"", 5583340709985441680)]
    [InlineData("\"double\"", "\"double\"", -8181574048448539266)]
    [InlineData("\"bytes\"", "\"bytes\"", 5746618253357095269)]
    [InlineData("\"string\"", "\"string\"", -8142146995180207161)]
    [InlineData("[]  ", null, 0)]
    [InlineData("""{"fields":[], "type":"record", "doc":"x", "name":"foo", "namespace":"x.y"}""", """{"name":"x.y.foo","type":"record","fields":[]}""", 5916914534497305771)]
    [InlineData("""{"type":"fixed", "name":"foo", "size":15}""", """{"name":"foo","type":"fixed","size":15}""", 1756455273707447556)]
    [InlineData("""{"type":"enum", "name":"foo", "symbols":["A1"]}""", """{"name":"foo","type":"enum","symbols":["A1"]}""", -6342190197741309591)]
    public void Canonical_form_and_fingerprint_follow_the_specification(string text, string? canonical, long fingerprint)
    {
        if (canonical is null)
        {
            Assert.Throws<AvroSchemaException>(() => AvroSchema.Parse(text));
            return;
        }

        var schema = AvroSchema.Parse(text);
        Assert.Equal(canonical, schema.CanonicalForm);
        Assert.Equal(fingerprint, (long)schema.Fingerprint);
    }

    [Theory]
    [InlineData("", "$", "JSON")]
    [InlineData("12", "$", "not 12")]
    [InlineData("\"strin\"", "$", "'strin'")]
    [InlineData("{}", "$", "no 'type'")]
    [InlineData("""{"type":"record","name":"R"}""", "$", "no array 'fields'")]
    [InlineData("""{"type":"record","name":"1R","fields":[]}""", "$", "no valid name")]
    [InlineData("""{"type":"record","name":"string","fields":[]}""", "$", "built-in")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}""", "$.fields[1]", "two fields 'a'")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a-b","type":"int"}]}""", "$.fields[0]", "'a-b'")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array"}}]}""", "$.fields[0].type", "no 'items'")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}""", "$.fields[0].default", "\"x\" is no int")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"],"default":"x"}]}""", "$.fields[0].default", "no branch")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"record","name":"S","fields":[{"name":"b","type":"int"}]},"default":{}}]}""", "$.fields[0].default", "'b': it is missing")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A","A"]}""", "$.symbols", "'A'")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A"],"default":"B"}""", "$", "'B'")]
    [InlineData("""{"type":"fixed","name":"F","size":-1}""", "$", "size")]
    [InlineData("""["int",["string"]]""", "$[1]", "union")]
    [InlineData("""["int","int"]""", "$[1]", "two branches 'int'")]
    [InlineData("""[{"type":"array","items":"int"},{"type":"array","items":"long"}]""", "$[1]", "two branches 'array'")]
    [InlineData("""[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]""", "$[1]", "defined twice")]
    public void A_bad_schema_is_refused_at_its_place(string text, string path, string reason)
    {
        var error = Assert.Throws<AvroSchemaException>(() => AvroSchema.Parse(text));
        Assert.Equal(path, error.Path);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Huge_and_deep_schemas_are_refused()
    {
        Assert.Throws<AvroSchemaException>(() => AvroSchema.Parse(new string(' ', AvroSchema.MaxTextLength + 1)));
        var deep = string.Concat(Enumerable.Repeat("""{"type":"array","items":""", 300)) + "\"int\"" + new string('}', 300);
        Assert.Throws<AvroSchemaException>(() => AvroSchema.Parse(deep));
    }

    [Fact]
    public void Names_resolve_in_the_enclosing_namespace_and_types_may_refer_to_themselves()
    {
        var schema = AvroSchema.Parse("""
            {"type":"record","name":"Node","namespace":"n","fields":[
              {"name":"next","type":["null","Node"]},
              {"name":"other","type":{"type":"fixed","name":"m.F","size":1}},
              {"name":"again","type":"m.F"}]}
            """);
        Assert.Same(schema, schema.Fields[0].Schema.Branches[1]);
        Assert.Same(schema.Fields[1].Schema, schema.Fields[2].Schema);
        Assert.Equal("m.F", schema.Fields[1].Schema.FullName);
    }

    [Fact]
    public void Schemas_may_refer_to_others()
    {
        var line = AvroSchema.Parse("""{"type":"record","name":"Line","namespace":"x","fields":[]}""");
        var order = AvroSchema.Parse("""{"type":"record","name":"Order","namespace":"x","fields":[{"name":"l","type":"Line"}]}""", [line]);
        Assert.Same(line, order.Fields[0].Schema);
    }

    [Theory]
    [InlineData("""{"type":"string","logicalType":"date"}""")]
    [InlineData("""{"type":"bytes","logicalType":"decimal"}""")]
    [InlineData("""{"type":"bytes","logicalType":"decimal","precision":0}""")]
    [InlineData("""{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}""")]
    [InlineData("""{"type":"bytes","logicalType":"decimal","precision":4,"scale":-1}""")]
    [InlineData("""{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":5}""")]
    [InlineData("""{"type":"fixed","name":"F","size":15,"logicalType":"uuid"}""")]
    [InlineData("""{"type":"int","logicalType":"timestamp-millis"}""")]
    [InlineData("""{"type":"int","logicalType":7}""")]
    public void An_invalid_logical_type_is_its_base_type(string text) =>
        Assert.Equal(AvroLogicalType.None, AvroSchema.Parse(text).Logical);

    [Fact]
    public void A_default_that_could_be_tried_in_endless_ways_is_refused()
    {
        const int Depth = 40;
        var value = string.Concat(Enumerable.Repeat("""{"n":""", Depth)) + "7" + new string('}', Depth);
        const string Other = """{"type":"record","name":"B","fields":[{"name":"n","type":["A","B","null"]}]}""";
        var text = $$"""{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"record","name":"A","fields":[{"name":"n","type":["A",{{Other}},"null"]}]},"default":{{value}} }]}""";
        Assert.Equal("$.fields[0].default", Assert.Throws<AvroSchemaException>(() => AvroSchema.Parse(text)).Path);
    }

    [Fact]
    public void Damaged_text_never_does_more_than_throw_a_schema_exception()
    {
        var text = AvroFixtures.Load("OrderEvent").ToJson();
        const string Characters = "{}[]\",:\\u0aN-. \ud800";
        var random = new Random(3);
        var parsed = 0;
        for (var i = 0; i < 3000; i++)
        {
            var damaged = text.ToCharArray();
            for (var change = random.Next(1, 3); change > 0; change--)
            {
                damaged[random.Next(damaged.Length)] = Characters[random.Next(Characters.Length)];
            }

            try
            {
                AvroSchema.Parse(new string(damaged)).ToJson();
                parsed++;
            }
            catch (AvroSchemaException)
            {
            }
        }

        Assert.InRange(parsed, 1, 2999);
        Assert.Throws<AvroSchemaException>(() => AvroSchema.Parse("""{"type":"\ud800"}"""));
    }

    [Fact]
    public void A_decimal_needs_no_scale()
    {
        var schema = AvroSchema.Parse("""{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4}""");
        Assert.Equal((AvroLogicalType.Decimal, 4, 0), (schema.Logical, schema.Precision, schema.Scale));
    }
}
