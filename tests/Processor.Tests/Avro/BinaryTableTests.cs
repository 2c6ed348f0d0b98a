using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

/// <summary>Byte-exact values by type, from the specification's "Binary Encoding" and by hand.</summary>
public sealed class BinaryTableTests
{
    private const string Decimal = """{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}""";
    private const string FixedDecimal = """{"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":9,"scale":2}""";

    public static TheoryData<string, object?, string> Cases => new()
    {
        { "\"null\"", null, "" },
        { "\"boolean\"", true, "01" },
        { "\"boolean\"", false, "00" },
        { "\"int\"", 0, "00" },
        { "\"int\"", -1, "01" },
        { "\"int\"", 1, "02" },
        { "\"int\"", -2, "03" },
        { "\"int\"", -64, "7F" },
        { "\"int\"", 64, "8001" },
        { "\"int\"", int.MaxValue, "FEFFFFFF0F" },
        { "\"int\"", int.MinValue, "FFFFFFFF0F" },
        { "\"long\"", 8192L, "808001" },
        { "\"long\"", long.MaxValue, "FEFFFFFFFFFFFFFFFF01" },
        { "\"long\"", long.MinValue, "FFFFFFFFFFFFFFFFFF01" },
        { "\"float\"", 1.5f, "0000C03F" },
        { "\"float\"", float.NegativeInfinity, "000080FF" },
        { "\"double\"", -2.25, "00000000000002C0" },
        { "\"bytes\"", new byte[] { 0, 255 }, "0400FF" },
        { "\"string\"", "foo", "06666F6F" },
        { "\"string\"", "", "00" },
        { "\"string\"", "€", "06E282AC" },
        { """{"type":"fixed","name":"F","size":3}""", new byte[] { 1, 2, 3 }, "010203" },
        { """{"type":"enum","name":"E","symbols":["A","B","C","D"]}""", "D", "06" },
        { """{"type":"array","items":"long"}""", new List<object?> { 3L, 27L }, "04063600" },
        { """{"type":"array","items":"long"}""", new List<object?>(), "00" },
        { """{"type":"map","values":"int"}""", new Dictionary<string, object?> { ["a"] = 1 }, "02026102 00" },
        { """["null","string"]""", null, "00" },
        { """["null","string"]""", "a", "020261" },
        { """["int","string","double"]""", 2.0, "040000000000000040" },
        { """{"type":"int","logicalType":"date"}""", new DateOnly(1970, 1, 2), "02" },
        { """{"type":"int","logicalType":"date"}""", new DateOnly(1969, 12, 31), "01" },
        { """{"type":"int","logicalType":"time-millis"}""", new TimeOnly(0, 0, 0, 5), "0A" },
        { """{"type":"long","logicalType":"time-micros"}""", new TimeOnly(0, 0, 1), "80897A" },
        { """{"type":"long","logicalType":"timestamp-millis"}""", DateTimeOffset.UnixEpoch.AddMilliseconds(-1), "01" },
        { """{"type":"long","logicalType":"timestamp-micros"}""", DateTimeOffset.UnixEpoch.AddSeconds(1), "80897A" },
        { """{"type":"long","logicalType":"local-timestamp-millis"}""", new DateTime(1970, 1, 1, 0, 0, 1, DateTimeKind.Unspecified), "D00F" },
        { """{"type":"string","logicalType":"uuid"}""", new Guid("0f8fad5b-d9cb-469f-a165-70867728950e"), "4830663866616435622D643963622D343639662D613136352D373038363737323839353065" },
        { """{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}""", new Guid("0f8fad5b-d9cb-469f-a165-70867728950e"), "0F8FAD5BD9CB469FA16570867728950E" },
        { Decimal, 0.00m, "0200" },
        { Decimal, 1.27m, "027F" },
        { Decimal, 1.28m, "040080" },
        { Decimal, -1.28m, "0280" },
        { Decimal, -1.29m, "04FF7F" },
        { FixedDecimal, -0.01m, "FFFFFFFF" },
        { FixedDecimal, 2.56m, "00000100" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_value_has_exactly_these_bytes(string schemaText, object? value, string hex)
    {
        var schema = AvroSchema.Parse(schemaText);
        var bytes = AvroFixtures.Hex(hex);

        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(GenericWriter.Write(schema, value)));
        Assert.Equal(value, GenericReader.Read(schema, schema, bytes));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_record_reader_sees_the_same_value(string schemaText, object? value, string hex)
    {
        var schema = AvroFixtures.OneField(schemaText);
        var body = AvroFixtures.Hex(hex);
        var reader = RecordReader.Compile(schema, schema);
        var slots = new AvroSlot[1];

        var result = reader.TryRead(body, slots);

        Assert.True(result.IsOk, result.Message);
        Assert.Equal(value, reader.ToObject(body, slots, 0));
    }

    [Fact]
    public void A_value_beyond_its_dotnet_type_comes_as_its_base_type()
    {
        var millis = AvroSchema.Parse("""{"type":"long","logicalType":"timestamp-millis"}""");
        Assert.Equal(long.MaxValue, GenericReader.Read(millis, millis, AvroFixtures.Hex("FEFFFFFFFFFFFFFFFF01")));
        var wide = AvroSchema.Parse("""{"type":"bytes","logicalType":"decimal","precision":60,"scale":0}""");
        Assert.IsType<byte[]>(GenericReader.Read(wide, wide, AvroFixtures.Hex("20 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")));
        var id = AvroSchema.Parse("""{"type":"string","logicalType":"uuid"}""");
        Assert.Equal("x", GenericReader.Read(id, id, AvroFixtures.Hex("0278")));
    }

    [Theory]
    [InlineData("\"int\"", 2147483648L)]
    [InlineData("\"int\"", "1")]
    [InlineData("\"string\"", 1)]
    [InlineData("\"string\"", null)]
    [InlineData("\"boolean\"", 1)]
    [InlineData("[\"null\",\"int\"]", "x")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A"]}""", "B")]
    public void A_value_that_does_not_fit_is_refused(string schemaText, object? value)
    {
        var error = Assert.Throws<AvroDataException>(() => GenericWriter.Write(AvroSchema.Parse(schemaText), value));
        Assert.Equal(AvroErrorCode.ValueMismatch, error.Code);
    }

    [Fact]
    public void Decimals_are_never_rounded()
    {
        var schema = AvroSchema.Parse(Decimal);
        Assert.Throws<AvroDataException>(() => GenericWriter.Write(schema, 1.001m));
        Assert.Throws<AvroDataException>(() => GenericWriter.Write(schema, 123456789.01m));
        Assert.Equal(99999999.99m, GenericReader.Read(schema, schema, GenericWriter.Write(schema, 99999999.99m)));
        Assert.False(new AvroEncoder().TryWriteDecimal(0.00001m, 4));
    }

    [Fact]
    public void A_missing_field_is_written_as_its_default_or_named()
    {
        var schema = AvroFixtures.Record("""{"name":"a","type":"int","default":5},{"name":"b","type":"string"}""");
        Assert.Equal("0A0278", Convert.ToHexString(GenericWriter.Write(schema, new Dictionary<string, object?> { ["b"] = "x" })));
        var error = Assert.Throws<AvroDataException>(() => GenericWriter.Write(schema, new Dictionary<string, object?> { ["a"] = 1 }));
        Assert.Contains("R.b", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_with_negative_counts_are_read_and_their_size_checked()
    {
        var array = AvroSchema.Parse("""{"type":"array","items":"long"}""");
        Assert.Equal(new List<object?> { 3L, 27L }, GenericReader.Read(array, array, AvroFixtures.Hex("03 04 06 36 00")));
        Assert.Equal(new List<object?> { 3L, 27L, 1L }, GenericReader.Read(array, array, AvroFixtures.Hex("03 04 06 36 02 02 00")));
        var error = Assert.Throws<AvroDataException>(() => GenericReader.Read(array, array, AvroFixtures.Hex("03 06 06 36 00")));
        Assert.Equal(AvroErrorCode.BadBlockSize, error.Code);
    }
}
