using System.Text;

namespace Stockflow.Chaos.Load;

/// <summary>Writes facts and reference data in the schemas of schemas/avro, under the ids that their place in the processor's list gives them.</summary>
internal static class FactEncoder
{
    private const int MovementSchema = 1, SkuSchema = 6, LocationSchema = 7;

    /// <summary>Schema of another record, and an id that nobody has registered.</summary>
    public const int OtherSchema = 8, UnknownSchema = 4711;

    public static byte[] Movement(Fact fact, string reference, string source = "POS", string? currency = null, long? price = null,
        string? corrects = null, int attributes = 0, int schema = MovementSchema) => new AvroWriter()
        .Frame(schema)
        .Text(fact.EventId)
        .Long(fact.EventTs)
        .Long(fact.EventTs + 5)
        .Text(fact.Sku)
        .Text(fact.Location)
        .Long((int)fact.Kind)
        .Long(fact.Quantity)
        .Text(source)
        .Text(reference)
        .OptionalDecimal(price)
        .OptionalDecimal(null)
        .OptionalText(currency)
        .OptionalText(null)
        .OptionalText(fact.Kind == Kind.ADJUSTMENT ? "AUDIT" : null)
        .OptionalText(null)
        .OptionalText(fact.Counterpart)
        .OptionalLong(fact.Counted)
        .OptionalText(corrects)
        .OptionalText(null)
        .Map([.. Enumerable.Range(0, attributes).Select(i => ($"a{i}", "x"))])
        .ToArray();

    public static byte[] Sku(string id, bool isStocked) => new AvroWriter()
        .Frame(SkuSchema).Text(id).Text("Thing " + id).OptionalText(null).OptionalText(null).Boolean(isStocked).Text("EACH")
        .OptionalDecimal(null).OptionalText(null).Long(1_700_000_000_000).ToArray();

    // name, kind STORE, country, latitude, longitude (both null), timezone, updated_at
    public static byte[] Location(string id) => new AvroWriter()
        .Frame(LocationSchema).Text(id).Text("Store " + id).Long(1).OptionalText(null).Long(0).Long(0).Text("UTC").Long(1_700_000_000_000).ToArray();

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
