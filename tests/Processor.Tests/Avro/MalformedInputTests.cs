using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

/// <summary>Hostile and broken bytes are refused by code, quickly, and cost no memory.</summary>
public sealed class MalformedInputTests
{
    private static readonly AvroSchema s_movement = AvroFixtures.Load("InventoryMovement");

    [Fact]
    public void A_movement_cut_at_any_byte_is_truncated()
    {
        var body = AvroFixtures.Movement();
        var reader = RecordReader.Compile(s_movement, s_movement);
        var slots = new AvroSlot[reader.SlotCount];
        for (var length = 0; length < body.Length; length++)
        {
            var result = reader.TryRead(body.AsSpan(0, length), slots);
            Assert.True(result.Code == AvroErrorCode.Truncated, $"{length}: {result.Code}");
            Assert.InRange(result.Position, 0, length);
            Assert.NotNull(s_movement.Field(result.Field!));
        }
    }

    [Fact]
    public void Bytes_behind_the_record_are_refused_with_their_position()
    {
        var body = AvroFixtures.Movement();
        var reader = RecordReader.Compile(s_movement, s_movement);
        var result = reader.TryRead([.. body, 0], new AvroSlot[reader.SlotCount]);
        Assert.Equal((AvroErrorCode.TrailingBytes, body.Length), (result.Code, result.Position));
        Assert.Equal($"the record at byte {body.Length}: bytes are left after the last field", result.Message);
    }

    [Theory]
    [InlineData("\"long\"", "80", AvroErrorCode.Truncated)]
    [InlineData("\"long\"", "FFFFFFFFFFFFFFFFFF02", AvroErrorCode.BadVarint)]
    [InlineData("\"long\"", "FFFFFFFFFFFFFFFFFFFF01", AvroErrorCode.BadVarint)]
    [InlineData("\"long\"", "80808080808080808080808000", AvroErrorCode.BadVarint)]
    [InlineData("\"int\"", "8080808010", AvroErrorCode.BadVarint)]
    [InlineData("\"int\"", "FFFFFFFFFFFFFFFFFF01", AvroErrorCode.BadVarint)]
    [InlineData("\"boolean\"", "02", AvroErrorCode.BadBoolean)]
    [InlineData("\"float\"", "000000", AvroErrorCode.Truncated)]
    [InlineData("\"double\"", "00000000000000", AvroErrorCode.Truncated)]
    [InlineData("\"string\"", "01", AvroErrorCode.NegativeLength)]
    [InlineData("\"string\"", "04C328", AvroErrorCode.BadUtf8)]
    [InlineData("\"string\"", "06EDA080", AvroErrorCode.BadUtf8)]
    [InlineData("\"string\"", "12414141414141414180", AvroErrorCode.BadUtf8)]
    [InlineData("\"string\"", "1280414141414141414141", AvroErrorCode.BadUtf8)]
    [InlineData("\"string\"", "06C3A9", AvroErrorCode.Truncated)]
    [InlineData("\"string\"", "FEFFFFFF0F", AvroErrorCode.TooLong)]
    [InlineData("\"bytes\"", "FEFFFFFFFFFFFFFFFF01", AvroErrorCode.TooLong)]
    [InlineData("\"bytes\"", "FFFFFFFFFFFFFFFFFF01", AvroErrorCode.NegativeLength)]
    [InlineData("""["null","int"]""", "04", AvroErrorCode.BadUnionIndex)]
    [InlineData("""["null","int"]""", "FFFFFFFFFFFFFFFFFF02", AvroErrorCode.BadVarint)]
    [InlineData("""["null","int"]""", "82", AvroErrorCode.Truncated)]
    [InlineData("""["null","int"]""", "01", AvroErrorCode.BadUnionIndex)]
    [InlineData("""["null","int","string"]""", "06", AvroErrorCode.BadUnionIndex)]
    [InlineData("""["null","int","string"]""", "FFFFFFFFFFFFFFFFFF01", AvroErrorCode.BadUnionIndex)]
    [InlineData("""{"type":"enum","name":"E","symbols":["A"]}""", "02", AvroErrorCode.BadEnumIndex)]
    [InlineData("""{"type":"enum","name":"E","symbols":["A"]}""", "01", AvroErrorCode.BadEnumIndex)]
    [InlineData("""{"type":"fixed","name":"F","size":4}""", "000000", AvroErrorCode.Truncated)]
    [InlineData("""{"type":"array","items":"null"}""", "8080808080808020", AvroErrorCode.TooManyItems)]
    [InlineData("""{"type":"array","items":"null"}""", "FFFFFFFFFFFFFFFFFF0100", AvroErrorCode.NegativeLength)]
    [InlineData("""{"type":"array","items":"null"}""", "FDFFFFFFFFFFFFFFFF0100", AvroErrorCode.TooManyItems)]
    [InlineData("""{"type":"array","items":"int"}""", "D00F0000", AvroErrorCode.Truncated)]
    [InlineData("""{"type":"array","items":"int"}""", "0101", AvroErrorCode.NegativeLength)]
    [InlineData("""{"type":"array","items":"int"}""", "01FEFFFFFFFFFFFFFFFF01", AvroErrorCode.Truncated)]
    [InlineData("""{"type":"array","items":"int"}""", "0100", AvroErrorCode.Truncated)]
    [InlineData("""{"type":"map","values":"null"}""", "0202FF00", AvroErrorCode.BadUtf8)]
    [InlineData("""{"type":"map","values":"null"}""", "0201", AvroErrorCode.NegativeLength)]
    public void Both_readers_refuse_it_with_the_same_code(string type, string hex, AvroErrorCode wanted)
    {
        var schema = AvroFixtures.OneField(type);
        var body = AvroFixtures.Hex(hex);
        var result = RecordReader.Compile(schema, schema).TryRead(body, new AvroSlot[1]);
        Assert.Equal((wanted, "f"), (result.Code, result.Field));
        Assert.InRange(result.Position, 0, body.Length);
        Assert.Equal(wanted, Assert.Throws<AvroDataException>(() => GenericReader.Read(schema, schema, body)).Code);
    }

    [Fact]
    public void Blocks_of_nothing_can_not_go_on_for_ever()
    {
        // Two blocks of 60,000 nulls: each is allowed, both together are not.
        var schema = AvroFixtures.OneField("""{"type":"array","items":"null"}""");
        var result = RecordReader.Compile(schema, schema).TryRead(AvroFixtures.Hex("C0A907 C0A907 00"), new AvroSlot[1]);
        Assert.Equal(AvroErrorCode.TooManyItems, result.Code);
    }

    [Fact]
    public void A_record_that_holds_itself_is_too_deep()
    {
        var schema = AvroSchema.Parse("""{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}""");
        Assert.Equal(AvroErrorCode.TooDeep, RecordReader.Compile(schema, schema).TryRead([], new AvroSlot[1]).Code);
        var list = AvroSchema.Parse("""{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}""");
        var bomb = new byte[100_000];
        Array.Fill(bomb, (byte)2);
        Assert.Equal(AvroErrorCode.TooDeep, RecordReader.Compile(list, list).TryRead(bomb, new AvroSlot[1]).Code);
        Assert.Throws<AvroDataException>(() => GenericReader.Read(list, list, bomb));
    }

    [Fact]
    public void Records_of_nothing_that_double_at_each_level_are_bounded()
    {
        var text = """{"type":"record","name":"L0","fields":[]}""";
        for (var level = 1; level <= 40; level++)
        {
            text = $$"""{"type":"record","name":"L{{level}}","fields":[{"name":"a","type":{{text}}},{"name":"b","type":"L{{level - 1}}"}]}""";
        }

        var schema = AvroSchema.Parse(text);
        Assert.Equal(AvroErrorCode.TooManyItems, RecordReader.Compile(schema, schema).TryRead([], new AvroSlot[2]).Code);
    }

    [Fact]
    public void A_default_that_multiplies_is_refused()
    {
        var text = """{"type":"record","name":"L0","fields":[{"name":"x","type":"long","default":0}]}""";
        for (var level = 1; level <= 40; level++)
        {
            text = $$"""{"type":"record","name":"L{{level}}","fields":[{"name":"a","type":{{text}},"default":{} },{"name":"b","type":"L{{level - 1}}","default":{} }]}""";
        }

        var empty = AvroSchema.Parse("""{"type":"record","name":"L40","fields":[]}""");
        Assert.Throws<AvroSchemaException>(() => RecordReader.Compile(empty, AvroSchema.Parse(text)));
    }

    [Fact]
    public void A_body_beyond_the_limit_is_not_looked_at()
    {
        var schema = AvroFixtures.OneField("\"int\"");
        var reader = RecordReader.Compile(schema, schema, new AvroLimits { MaxBodyBytes = 10 });
        Assert.Equal(AvroErrorCode.BodyTooLarge, reader.TryRead(new byte[11], new AvroSlot[1]).Code);
    }

    [Fact]
    public void Random_and_mutated_bytes_never_throw_nor_allocate()
    {
        var order = AvroFixtures.Load("OrderEvent");
        RecordReader[] readers =
        [
            RecordReader.Compile(s_movement, s_movement),
            RecordReader.Compile(order, order),
            RecordReader.Compile(AvroFixtures.Load("Promotion"), AvroFixtures.Load("Promotion")),
        ];
        var random = new Random(20260101);
        var valid = AvroFixtures.Movement();
        var body = new byte[300];
        var slots = new AvroSlot[20];
        var accepted = 0;
        var allocated = Allocations.Least(() =>
        {
            for (var i = 0; i < 30_000; i++)
            {
                var length = random.Next(body.Length);
                random.NextBytes(body);
                if (i % 2 == 0)
                {
                    length = valid.Length;
                    valid.CopyTo(body, 0);
                    body[random.Next(length)] = (byte)random.Next(256);
                }

                foreach (var reader in readers)
                {
                    var result = reader.TryRead(body.AsSpan(0, length), slots);
                    accepted += result.IsOk ? 1 : 0;
                    if (result.Position < 0 || result.Position > length)
                    {
                        Assert.Fail($"position {result.Position} of {length}");
                    }
                }
            }
        });

        Assert.Equal(0, allocated);
        Assert.True(accepted > 0);
    }

    [Fact]
    public void Random_bytes_give_the_generic_reader_the_same_verdict()
    {
        var random = new Random(7);
        var resolution = AvroResolution.Compile(s_movement, s_movement);
        var reader = RecordReader.Compile(s_movement, s_movement);
        var slots = new AvroSlot[reader.SlotCount];
        var valid = AvroFixtures.Movement();
        for (var i = 0; i < 5000; i++)
        {
            var body = valid.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }

            var code = reader.TryRead(body, slots).Code;
            var other = AvroErrorCode.None;
            try
            {
                GenericReader.Read(resolution, body);
            }
            catch (AvroDataException error)
            {
                other = error.Code;
            }

            Assert.Equal(code, other);
        }
    }
}
