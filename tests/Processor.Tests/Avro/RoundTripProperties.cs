using FsCheck;
using FsCheck.Fluent;
using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

/// <summary>What is written is read back, for any schema and value that a seeded generator comes up with.</summary>
public sealed class RoundTripProperties
{
    [Fact]
    public void Any_long_survives() => Prop.ForAll(ArbMap.Default.ArbFor<long>(), value =>
    {
        var schema = AvroSchema.Parse("\"long\"");
        return (long)GenericReader.Read(schema, schema, GenericWriter.Write(schema, value))! == value;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_decimal_of_four_places_survives() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), ArbMap.Default.ArbFor<int>(), (high, low) =>
    {
        var value = ((decimal)high * 100_000) + (low / 10_000m);
        var schema = AvroSchema.Parse("""{"type":"bytes","logicalType":"decimal","precision":28,"scale":4}""");
        return (decimal)GenericReader.Read(schema, schema, GenericWriter.Write(schema, value))! == value;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_value_of_any_schema_survives_binary_and_both_kinds_of_json() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var random = new Random(seed);
        var names = 0;
        var schema = AvroSchema.Parse($$"""{"type":"record","name":"Root","fields":[{{string.Join(",", Enumerable.Range(0, random.Next(1, 6)).Select(i => $$"""{"name":"f{{i}}","type":{{Schema(random, 3, ref names)}}}"""))}}]}""");
        var value = Value(random, schema);
        var bytes = GenericWriter.Write(schema, value);
        var resolution = AvroResolution.Compile(schema, AvroSchema.Parse(schema.ToJson()));
        var back = GenericReader.Read(resolution, bytes);
        Assert.Equal(bytes, GenericWriter.Write(schema, back));
        Assert.Equal(bytes, GenericWriter.Write(schema, AvroJson.Read(schema, AvroJson.Write(schema, back, AvroJsonStyle.Avro), AvroJsonStyle.Avro)));

        var reader = RecordReader.Compile(schema, schema);
        var slots = new AvroSlot[reader.SlotCount];
        var result = reader.TryRead(bytes, slots);
        Assert.True(result.IsOk, result.Message);
        var record = new AvroRecord(schema);
        for (var i = 0; i < slots.Length; i++)
        {
            record[i] = reader.ToObject(bytes, slots, i);
        }

        Assert.Equal(bytes, GenericWriter.Write(schema, record));
        for (var length = 0; length < bytes.Length; length += 1 + (bytes.Length / 20))
        {
            Assert.False(reader.TryRead(bytes.AsSpan(0, length), slots).IsOk);
        }
    }).QuickCheckThrowOnFailure();

    private static string Schema(Random random, int depth, ref int names)
    {
        switch (random.Next(depth == 0 ? 14 : 18))
        {
            case 0: return "\"null\"";
            case 1: return "\"boolean\"";
            case 2: return "\"int\"";
            case 3: return "\"long\"";
            case 4: return "\"float\"";
            case 5: return "\"double\"";
            case 6: return "\"bytes\"";
            case 7: return "\"string\"";
            case 8: return $$"""{"type":"enum","name":"E{{names++}}","symbols":["A","B","C"]}""";
            case 9: return $$"""{"type":"fixed","name":"F{{names++}}","size":{{random.Next(4)}}}""";
            case 10: return """{"type":"long","logicalType":"timestamp-micros"}""";
            case 11: return """{"type":"bytes","logicalType":"decimal","precision":20,"scale":3}""";
            case 12: return """{"type":"int","logicalType":"date"}""";
            case 13: return """{"type":"string","logicalType":"uuid"}""";
            case 14: return $$"""{"type":"array","items":{{Schema(random, depth - 1, ref names)}}}""";
            case 15: return $$"""{"type":"map","values":{{Schema(random, depth - 1, ref names)}}}""";
            case 16: return random.Next(2) == 0 ? """["null","string"]""" : """["long","null","boolean","string",{"type":"array","items":"int"}]""";
            default:
                var name = $"R{names++}";
                return $$"""{"type":"record","name":"{{name}}","fields":[{"name":"x","type":{{Schema(random, depth - 1, ref names)}}},{"name":"y","type":{{Schema(random, depth - 1, ref names)}}}]}""";
        }
    }

    private static object? Value(Random random, AvroSchema schema)
    {
        switch (schema.Type)
        {
            case AvroType.Null: return null;
            case AvroType.Boolean: return random.Next(2) == 0;
            case AvroType.Int: return schema.Logical == AvroLogicalType.Date ? new DateOnly(2026, 1, 1).AddDays(random.Next(-9999, 9999)) : random.Next(int.MinValue, int.MaxValue);
            case AvroType.Long: return schema.Logical == AvroLogicalType.None ? random.NextInt64() >> random.Next(64) : random.NextInt64(-1L << 40, 1L << 45);
            case AvroType.Float: return (float)random.NextDouble() * 1e9f;
            case AvroType.Double: return random.NextDouble() * 1e200;
            case AvroType.String: return schema.Logical == AvroLogicalType.Uuid ? Guid.NewGuid() : string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => "aé€😀\"\\\n0"[random.Next(3)]));
            case AvroType.Enum: return schema.Symbols[random.Next(3)];
            case AvroType.Union: return Value(random, schema.Branches[random.Next(schema.Branches.Count)]);
            case AvroType.Array: return Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, schema.Items!)).ToList();
            case AvroType.Map: return Enumerable.Range(0, random.Next(4)).ToDictionary(i => $"k{i}", _ => Value(random, schema.Items!));
            case AvroType.Record: return schema.Fields.ToDictionary(field => field.Name, field => Value(random, field.Schema));
            default:
                if (schema.Logical == AvroLogicalType.Decimal)
                {
                    return random.NextInt64(-1L << 50, 1L << 50) / 1000m;
                }

                var bytes = new byte[schema.Type == AvroType.Fixed ? schema.Size : random.Next(9)];
                random.NextBytes(bytes);
                return bytes;
        }
    }
}
