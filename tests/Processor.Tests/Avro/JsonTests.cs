using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

public sealed class JsonTests
{
    private static readonly AvroSchema s_schema = AvroSchema.Parse("""
        {"type":"record","name":"R","namespace":"n","fields":[
          {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
          {"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},
          {"name":"day","type":{"type":"int","logicalType":"date"}},
          {"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}},
          {"name":"raw","type":"bytes"},
          {"name":"either","type":["null","K","string","long"]},
          {"name":"x","type":"double"}]}
        """);

    private static readonly Dictionary<string, object?> s_value = new()
    {
        ["at"] = DateTimeOffset.UnixEpoch.AddMilliseconds(1500),
        ["price"] = 2.56m,
        ["day"] = new DateOnly(2026, 1, 2),
        ["kind"] = "B",
        ["raw"] = new byte[] { 0, 255 },
        ["either"] = "A",
        ["x"] = double.NaN,
    };

    [Theory]
    [InlineData(AvroJsonStyle.Plain, """{"at":"1970-01-01T00:00:01.5Z","price":2.56,"day":"2026-01-02","kind":"B","raw":"AP8=","either":"A","x":"NaN"}""")]
    [InlineData(AvroJsonStyle.Avro, """{"at":1500,"price":{"bytes":"\u0001\u0000"},"day":20455,"kind":"B","raw":"\u0000ÿ","either":{"n.K":"A"},"x":"NaN"}""")]
    public void A_record_is_written_in_each_style_and_read_back(AvroJsonStyle style, string wanted)
    {
        var json = AvroJson.Write(s_schema, s_value, style);
        Assert.Equal(wanted, json);
        Assert.Equal(GenericWriter.Write(s_schema, s_value), GenericWriter.Write(s_schema, AvroJson.Read(s_schema, json, style)));
    }

    [Fact]
    public void Plain_json_takes_base_types_and_fills_defaults()
    {
        var value = Assert.IsType<AvroRecord>(AvroJson.Read(s_schema, """{"at":1500,"day":20455,"kind":"A","raw":"","either":7,"x":1}"""));
        Assert.Equal(DateTimeOffset.UnixEpoch.AddMilliseconds(1500), value["at"]);
        Assert.Null(value["price"]);
        Assert.Equal(7L, value["either"]);
        Assert.Equal(1.0, value["x"]);
    }

    [Theory]
    [InlineData("""{"at":"yesterday","day":0,"kind":"A","raw":"","either":7,"x":1}""", "n.R.at")]
    [InlineData("""{"at":0,"day":0,"kind":"C","raw":"","either":7,"x":1}""", "n.R.kind")]
    [InlineData("""{"at":0,"day":0,"kind":"A","raw":"","either":7}""", "n.R.x: the field is missing")]
    [InlineData("""{"at":0,"day":0,"kind":"A","raw":"","either":7,"x":1,"y":1}""", "'y' is no field")]
    [InlineData("""{"at":0,"price":1.001,"day":0,"kind":"A","raw":"","either":7,"x":1}""", "n.R.price")]
    [InlineData("{", "JSON")]
    public void What_does_not_fit_is_named(string json, string wanted) =>
        Assert.Contains(wanted, Assert.Throws<AvroDataException>(() => AvroJson.Read(s_schema, json)).Message, StringComparison.Ordinal);
}
