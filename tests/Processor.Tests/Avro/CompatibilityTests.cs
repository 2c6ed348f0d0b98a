using Stockflow.Avro;
using Xunit;

namespace Stockflow.Tests.Avro;

public sealed class CompatibilityTests
{
    private static readonly AvroSchema s_first = AvroFixtures.Record("""{"name":"a","type":"int"}""");
    private static readonly AvroSchema s_withOptional = AvroFixtures.Record("""{"name":"a","type":"int"},{"name":"b","type":["null","string"],"default":null}""");
    private static readonly AvroSchema s_withRequired = AvroFixtures.Record("""{"name":"a","type":"int"},{"name":"b","type":["null","string"]}""");
    private static readonly AvroSchema s_wider = AvroFixtures.Record("""{"name":"a","type":"long"}""");

    [Theory]
    [InlineData("NONE", 0, 0, 0)]
    [InlineData("BACKWARD", 0, 1, 0)]
    [InlineData("FORWARD", 0, 0, 1)]
    [InlineData("FULL", 0, 1, 1)]
    public void Each_mode_asks_for_its_directions(string name, int optional, int required, int wider)
    {
        Assert.True(SchemaCompatibility.TryParseMode(name, out var mode));
        Assert.Equal(name, SchemaCompatibility.NameOf(mode));
        Assert.Equal(optional, SchemaCompatibility.CheckMode(mode, s_withOptional, [s_first]).Count);
        Assert.Equal(required, SchemaCompatibility.CheckMode(mode, s_withRequired, [s_first]).Count);
        Assert.Equal(wider, SchemaCompatibility.CheckMode(mode, s_wider, [s_first]).Count);
        Assert.Empty(SchemaCompatibility.CheckMode(mode, s_wider, []));
    }

    [Fact]
    public void Only_transitive_modes_look_beyond_the_latest_version()
    {
        // A default kept only while b was young: the newest reads the version before, and not the first.
        AvroSchema[] history = [s_first, s_withOptional];
        Assert.Empty(SchemaCompatibility.CheckMode(CompatibilityMode.Backward, s_withRequired, history));
        var violation = Assert.Single(SchemaCompatibility.CheckMode(CompatibilityMode.BackwardTransitive, s_withRequired, history));
        Assert.Equal((0, "R.b"), (violation.Version, violation.Path));
        Assert.Contains("no default", violation.Reason, StringComparison.Ordinal);
        Assert.Equal(2, SchemaCompatibility.CheckMode(CompatibilityMode.ForwardTransitive, s_wider, history).Count);
        Assert.Single(SchemaCompatibility.CheckMode(CompatibilityMode.Forward, s_wider, history));
    }

    [Theory]
    [InlineData("full_transitive", true)]
    [InlineData("SIDEWAYS", false)]
    [InlineData("3", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Mode_names_are_the_registrys(string? text, bool known) => Assert.Equal(known, SchemaCompatibility.TryParseMode(text, out _));

    [Fact]
    public void Violations_name_the_place_in_nested_types()
    {
        var old = AvroFixtures.Load("OrderEvent");
        var changed = AvroSchema.Parse(old.ToJson().Replace("\"qty\",\"type\":\"long\"", "\"qty\",\"type\":\"string\"", StringComparison.Ordinal));
        var violation = Assert.Single(SchemaCompatibility.Check(changed, old));
        Assert.Equal("retail.inventory.v1.OrderEvent.lines[].qty", violation.Path);
        Assert.Equal("the writer's long can not be read as string", violation.Reason);
    }

    [Theory]
    [InlineData("", ConfluentFrameStatus.Empty)]
    [InlineData("00000000", ConfluentFrameStatus.TooShort)]
    [InlineData("01", ConfluentFrameStatus.GuidFrame)]
    [InlineData("7B7D", ConfluentFrameStatus.UnknownMagic)]
    [InlineData("0000000000", ConfluentFrameStatus.BadSchemaId)]
    [InlineData("00FFFFFFFF00", ConfluentFrameStatus.BadSchemaId)]
    [InlineData("000001E24002", ConfluentFrameStatus.Ok)]
    public void The_frame_is_told_by_its_first_bytes(string hex, ConfluentFrameStatus wanted)
    {
        var status = ConfluentFrame.TryParse(Convert.FromHexString(hex), out var id, out var body);
        Assert.Equal(wanted, status);
        Assert.NotEmpty(ConfluentFrame.Describe(status));
        if (status == ConfluentFrameStatus.Ok)
        {
            Assert.Equal((123456, 1), (id, body.Length));
            var encoder = new AvroEncoder();
            ConfluentFrame.Write(encoder, id);
            encoder.WriteFixed(body);
            Assert.Equal(hex, Convert.ToHexString(encoder.WrittenSpan));
        }
    }
}
