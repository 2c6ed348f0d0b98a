using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

/// <summary>The code that is made for a writer's schema against the reader that interprets it: what it takes, it takes alike, and it takes what is good.</summary>
public sealed class MovementReaderTests
{
    private const int Rounds = 4000;
    private static readonly string Text = File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc"));
    private static readonly AvroSchema Schema = AvroSchema.Parse(Text);
    private static readonly MovementFields Fields = new(Schema);

    public static TheoryData<string, string> Writers() => new()
    {
        { "as it is", Text },
        { "reversed", Changed(fields => Reverse(fields)) },
        { "without optional fields", Changed(fields => Remove(fields, "unit_cost", "promo_id", "counted_qty", "attributes")) },
        { "with fields that nobody reads", Changed(AddFields) },
        { "null last", Changed(fields => Set(fields, "currency", """["string", "null"]""", "counted_qty", """["long", "null"]""")) },
        { "never null", Changed(fields => Set(fields, "reason", "\"string\"", "counted_qty", "\"long\"", "unit_price", """{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}""")) },
        { "another order of symbols", Changed(fields => Set(fields, "movement_type", """{"type":"enum","name":"MovementType","symbols":["SALE","NEW","RECEIPT","UNKNOWN","RTV"]}""")) },
    };

    [Theory]
    [MemberData(nameof(Writers))]
    public void It_reads_what_the_interpreter_reads(string name, string writerText)
    {
        var writer = AvroSchema.Parse(writerText);
        var slow = RecordReader.Compile(writer, Schema);
        var fast = MovementReader.TryCompile(slow, Fields.Members);
        Assert.NotNull(fast);
        var slots = new AvroSlot[slow.SlotCount];
        var random = new Random(name.Length * 7919);
        var taken = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var body = GenericWriter.Write(writer, RandomMovement(random, writer));
            taken += Compare(slow, fast, slots, body, random) ? 1 : 0;
            Compare(slow, fast, slots, Mutated(body, random), random);
        }

        // The rest are texts and numbers beyond what it knows, which are for the interpreter.
        Assert.InRange(taken, Rounds / 2, Rounds);
    }

    [Fact]
    public void Every_length_is_read_and_cut_alike()
    {
        var slow = RecordReader.Compile(Schema, Schema);
        var fast = MovementReader.TryCompile(slow, Fields.Members)!;
        var slots = new AvroSlot[slow.SlotCount];
        var random = new Random(3);
        for (var length = 0; length < 200; length++)
        {
            var movement = RandomMovement(random, Schema);
            movement["event_id"] = new string('x', length);
            movement["customer_ref"] = new string('y', length);
            var body = GenericWriter.Write(Schema, movement);
            Compare(slow, fast, slots, body, random);
            for (var cut = 0; cut < body.Length; cut += 1 + (length / 16))
            {
                Compare(slow, fast, slots, body[..cut], random);
            }

            if (length > 0)
            {
                // One byte beyond ASCII at each place: no UTF-8.
                var broken = (byte[])body.Clone();
                broken[(length < 64 ? 1 : 2) + random.Next(length)] |= 0x80;
                Assert.False(Compare(slow, fast, slots, broken, random));
            }
        }
    }

    [Fact]
    public void A_writer_with_types_that_it_does_not_know_is_left_to_the_interpreter()
    {
        var writer = AvroSchema.Parse(Changed(fields => Set(fields, "event_ts", """{"type":"long","logicalType":"timestamp-micros"}""")));
        Assert.Null(MovementReader.TryCompile(RecordReader.Compile(writer, Schema), Fields.Members));
    }

    // True if the made code took the body.
    private static bool Compare(RecordReader slow, MovementReader fast, AvroSlot[] slots, byte[] body, Random random)
    {
        var start = random.Next(40);
        var arena = new byte[start + body.Length + (random.Next(10) == 0 ? random.Next(700) : 4096)];
        random.NextBytes(arena);
        body.CopyTo(arena, start);
        Movement[] movements = [default, default];
        if (!fast.TryRead(arena, start, body.Length, ref movements[1]))
        {
            return false;
        }

        var result = slow.TryRead(body, slots);
        Assert.True(result.IsOk, result.Message);
        Fields.Fill(ref movements[0], slots, start, arena);
        Assert.Equal(MemoryMarshal.AsBytes(movements.AsSpan(0, 1)).ToArray(), MemoryMarshal.AsBytes(movements.AsSpan(1, 1)).ToArray());
        return true;
    }

    private static byte[] Mutated(byte[] body, Random random)
    {
        var bytes = body.ToList();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 3 when bytes.Count > 1:
                    bytes.RemoveAt(at);
                    break;
                default:
                    bytes.Add((byte)random.Next(256));
                    break;
            }
        }

        return [.. bytes];
    }

    private static Dictionary<string, object?> RandomMovement(Random random, AvroSchema writer)
    {
        var movement = new Dictionary<string, object?>();
        foreach (var field in writer.Fields)
        {
            movement[field.Name] = RandomValue(random, field.Schema);
        }

        return movement;
    }

    private static object? RandomValue(Random random, AvroSchema schema)
    {
        switch (schema.Type)
        {
            case AvroType.Union:
                var branch = schema.Branches[random.Next(schema.Branches.Count)];
                return branch.Type == AvroType.Null ? null : RandomValue(random, branch);
            case AvroType.String:
                return RandomText(random);
            case AvroType.Long when schema.Logical != AvroLogicalType.None:
                return random.NextInt64(600_000_000_000, 2_000_000_000_000);
            case AvroType.Long:
                return random.Next(20) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : random.Next(-200, 200);
            case AvroType.Int:
                return random.Next();
            case AvroType.Enum:
                return schema.Symbols[random.Next(schema.Symbols.Count)];
            case AvroType.Bytes:
                var digits = random.NextInt64(0, 1L << random.Next(1, 59)) * (random.Next(4) == 0 ? -1 : 1);
                return digits / 10_000m;
            case AvroType.Map:
                return Enumerable.Range(0, random.Next(random.Next(50) == 0 ? 80 : 5)).ToDictionary(i => "k" + i, _ => (object?)RandomText(random));
            case AvroType.Array:
                return Enumerable.Range(0, random.Next(3)).Select(_ => (object?)random.Next()).ToList();
            default:
                throw new InvalidOperationException(schema.Type.ToString());
        }
    }

    private static string RandomText(Random random)
    {
        var length = random.Next(200) == 0 ? random.Next(1500) : random.Next(10) == 0 ? random.Next(130) : random.Next(40);
        return new string((char)random.Next(' ', random.Next(40) == 0 ? 0x300 : 127), length);
    }

    private static string Changed(Action<JsonArray> change)
    {
        var schema = JsonNode.Parse(Text)!;
        change(schema["fields"]!.AsArray());
        return schema.ToJsonString();
    }

    private static void Reverse(JsonArray fields)
    {
        var reversed = fields.Reverse().ToArray();
        fields.Clear();
        foreach (var field in reversed)
        {
            fields.Add(field);
        }
    }

    private static void Remove(JsonArray fields, params string[] names)
    {
        foreach (var name in names)
        {
            fields.Remove(fields.Single(field => (string)field!["name"]! == name));
        }
    }

    private static void AddFields(JsonArray fields)
    {
        fields.Insert(0, JsonNode.Parse("""{"name":"till","type":["null","int","string"],"default":null}"""));
        fields.Insert(6, JsonNode.Parse("""{"name":"scans","type":{"type":"array","items":"int"},"default":[]}"""));
        fields.Add(JsonNode.Parse("""{"name":"note","type":["null","string"],"default":null}"""));
    }

    private static void Set(JsonArray fields, params string[] namesAndTypes)
    {
        for (var i = 0; i < namesAndTypes.Length; i += 2)
        {
            var field = fields.Single(node => (string)node!["name"]! == namesAndTypes[i])!.AsObject();
            field["type"] = JsonNode.Parse(namesAndTypes[i + 1]);
            field.Remove("default");
        }
    }
}
