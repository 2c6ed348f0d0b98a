using Stockflow.Avro;

namespace Stockflow.IntegrationTests.Avro;

/// <summary>Seeded values of any schema, within what JavaScript's numbers hold exactly.</summary>
internal static class SampleValues
{
    public static object? Of(Random random, AvroSchema schema) => schema.Type switch
    {
        AvroType.Null => null,
        AvroType.Boolean => random.Next(2) == 0,
        AvroType.Int => random.Next(-100_000, 100_000),
        AvroType.Long => random.NextInt64(-(1L << 52), 1L << 52) >> random.Next(50),
        AvroType.Float => (float)random.Next(1000) / 4,
        AvroType.Double => random.NextDouble(),
        AvroType.String => string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => "abcé€\"\\ 0"[random.Next(9)])),
        AvroType.Enum => schema.Symbols[random.Next(schema.Symbols.Count)],
        AvroType.Union => Of(random, schema.Branches[random.Next(schema.Branches.Count)]),
        AvroType.Array => Enumerable.Range(0, random.Next(4)).Select(_ => Of(random, schema.Items!)).ToList(),
        AvroType.Map => Enumerable.Range(0, random.Next(4)).ToDictionary(i => $"k{i}", _ => Of(random, schema.Items!)),
        AvroType.Record => schema.Fields.ToDictionary(field => field.Name, field => Of(random, field.Schema)),
        _ when schema.Logical == AvroLogicalType.Decimal => random.NextInt64(-1_000_000_000, 1_000_000_000) / 10_000m,
        _ => new byte[schema.Size],
    };
}
