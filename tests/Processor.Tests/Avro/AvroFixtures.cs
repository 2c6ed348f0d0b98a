using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

/// <summary>Schemas and bytes that several tests share.</summary>
internal static class AvroFixtures
{
    public static AvroSchema Load(string name) =>
        AvroSchema.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "schemas", "avro", name + ".avsc")));

    public static AvroSchema Record(string fields, string name = "R") =>
        AvroSchema.Parse($$"""{"type":"record","name":"{{name}}","fields":[{{fields}}]}""");

    /// <summary>A record with one field f of the given type.</summary>
    public static AvroSchema OneField(string type, string more = "") => Record($$"""{"name":"f","type":{{type}}{{more}}}""");

    public static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));

    /// <summary>A sale as a source would write it: 19 fields, 13 of them present.</summary>
    public static byte[] Movement()
    {
        var encoder = new AvroEncoder();
        encoder.WriteString("0f8fad5b-d9cb-469f-a165-70867728950e");
        encoder.WriteLong(1_767_225_600_123);
        encoder.WriteLong(1_767_225_600_456);
        encoder.WriteString("SKU-0012345");
        encoder.WriteString("STORE-0042");
        encoder.WriteInt(1);
        encoder.WriteLong(-2);
        encoder.WriteString("POS");
        encoder.WriteString("RCPT-77-000123");
        encoder.WriteUnionIndex(1);
        Assert.True(encoder.TryWriteDecimal(19.99m, 4));
        encoder.WriteUnionIndex(1);
        Assert.True(encoder.TryWriteDecimal(7.5m, 4));
        encoder.WriteUnionIndex(1);
        encoder.WriteString("GBP");
        encoder.WriteUnionIndex(0);
        encoder.WriteUnionIndex(0);
        encoder.WriteUnionIndex(1);
        encoder.WriteString("till-7");
        encoder.WriteUnionIndex(0);
        encoder.WriteUnionIndex(0);
        encoder.WriteUnionIndex(0);
        encoder.WriteUnionIndex(1);
        encoder.WriteString("c-9f31");
        encoder.WriteBlockStart(1);
        encoder.WriteString("basket");
        encoder.WriteString("b-1");
        encoder.WriteBlockEnd();
        return encoder.WrittenSpan.ToArray();
    }
}
