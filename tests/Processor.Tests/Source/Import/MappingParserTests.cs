using Stockflow.Model;
using Stockflow.Source.Import;
using Xunit;

namespace Stockflow.Tests.Source.Import;

public sealed class MappingParserTests
{
    private const string Good = """
        mapping: test
        fields:
          event_ts: "{When}"
          sku_id: "{Sku}"
          location_id: L1
          movement_type: { column: Kind, map: { S: SALE, R: RETURN }, ignore_case: true }
          qty_delta: { column: Qty, sign: by_type }
          source_system: POS
          reference_id: "{Doc}"
        """;

    [Fact]
    public void A_small_mapping_compiles_and_names_the_columns_it_needs()
    {
        var mapping = MappingParser.Parse("m.yaml", Good);
        Assert.Equal(["When", "Sku", "Kind", "Qty", "Doc"], mapping.Csv.RequiredColumns);
        Assert.Equal("test", mapping.Dataset);
        Assert.True(mapping.CountsOccurrences);
        Assert.False(mapping.NeedsKey);
    }

    [Fact]
    public void The_same_mapping_may_be_json()
    {
        var json = """
            { "mapping": "test", "fields": { "event_ts": "{When}", "sku_id": "{Sku}", "location_id": "L1", "movement_type": "SALE",
              "qty_delta": { "column": "Qty", "sign": "negate" }, "source_system": "POS", "reference_id": "{Doc}" } }
            """;
        Assert.Equal(QuantitySign.Negate, MappingParser.Parse("m.json", json).Sign);
    }

    [Theory]
    [InlineData("colour: red", "m.yaml:11", "unknown key 'colour'")]
    [InlineData("numbers: { point: ',' }", "m.yaml:11", "unknown key 'point'")]
    [InlineData("times:\n  timezone: Mars/Olympus", "m.yaml:12", "Mars/Olympus")]
    [InlineData("rules:\n  - class: a\n    when: { Qty: { belo: 1 } }", "m.yaml:13", "unknown key 'belo'")]
    [InlineData("rules:\n  - class: a\n    when: { Qty: { below: x } }", "m.yaml:13", "no number")]
    [InlineData("rules:\n  - class: a\n    when: { Qty: { matches: '(' } }", "m.yaml:13", "pattern")]
    [InlineData("rules:\n  - class: a\n    set: { skuid: x }", "m.yaml:13", "unknown key 'skuid'")]
    [InlineData("rules:\n  - when: { Qty: 1 }", "m.yaml:12", "'class' is missing")]
    [InlineData("attributes:\n  x: '{Open'", "m.yaml:12", "character 1")]
    [InlineData("attributes:\n  x: 'a}'", "m.yaml:12", "closes nothing")]
    [InlineData("attributes:\n  x: '{@lines}'", "m.yaml:12", "'@lines' is unknown")]
    [InlineData("attributes:\n  x: { column: A, constant: B }", "m.yaml:12", "exactly one")]
    [InlineData("attributes:\n  x: { column: A, otherwise: B }", "m.yaml:12", "needs a 'map'")]
    [InlineData("csv: { delimiter: '||' }", "m.yaml:11", "one ASCII character")]
    [InlineData("dataset: 'a b'", "m.yaml:11", "dataset")]
    [InlineData("tie_cancellations: { sales: [x], cancellations: [y], same: [Sku] }", "m.yaml:11", "no rule has the class 'x'")]
    [InlineData("reference:\n  locations:\n    - { id: L1, kind: SHOP }", "m.yaml:13", "'SHOP' is none of")]
    [InlineData("fields: {}", "m.yaml:11", "")]
    [InlineData("a: [", "m.yaml:1", "")]
    public void A_mistake_is_named_with_its_line(string addition, string place, string message)
    {
        var error = Assert.Throws<SetupException>(() => MappingParser.Parse("m.yaml", Good + "\n\n" + addition));
        Assert.StartsWith(place, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_required_field_that_nothing_fills_is_named()
    {
        var error = Assert.Throws<SetupException>(() => MappingParser.Parse("m.yaml", Good.Replace("  source_system: POS\n", "", StringComparison.Ordinal)));
        Assert.Contains("'source_system'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("online-retail")]
    [InlineData("movements")]
    public void The_mappings_that_ship_compile(string name) => Assert.Equal(name, MappingParser.Load(name).Name);

    [Fact]
    public void A_mapping_that_is_not_there_names_those_that_are()
    {
        var error = Assert.Throws<SetupException>(() => MappingParser.Load("online-retial"));
        Assert.Contains("online-retail", error.Message, StringComparison.Ordinal);
    }
}
