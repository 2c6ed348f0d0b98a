using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Model;

public sealed class QualityRulesTests
{
    [Fact]
    public void The_delivered_rules_can_be_read_and_hold_nothing()
    {
        var rules = QualityRules.Load(Path.Combine(Repository.Root, "schemas", "quality.yml"));
        Assert.Equal(Enum.GetValues<QualityKind>().Except([QualityKind.Quarantine]), rules.Select(rule => rule.Kind).Distinct().Order());
        Assert.Null(Quarantine.Of(rules));
        Assert.Equal((0.02, 15, 100L), (rules[0].MaximumShare, rules[0].WindowMinutes, rules[0].MinimumRecords));
    }

    [Fact]
    public void The_example_in_the_delivered_file_is_a_rule()
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "schemas", "quality.yml")).SkipWhile(line => !line.Contains("as an example", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => line.StartsWith('#')).Select(line => line[1..]);
        var rule = Assert.Single(QualityRules.Parse("f", "rules:\n" + string.Join('\n', lines)));
        Assert.Equal(("giant_sale", 10_000L, "POS", MovementType.Sale), (rule.Name, rule.When!.QuantityAbove, rule.When.Sources.Single(), rule.When.Types.Single()));
    }

    [Theory]
    [InlineData("rules: [1, }]", "f:1: ")]
    [InlineData("rule: []", "f:1: unknown key 'rule'")]
    [InlineData("{}", "f:1: the key 'rules' is missing")]
    [InlineData("rules: [{ kind: schema }]", "f:1: rules[0]: the key 'name' is missing")]
    [InlineData("rules:\n- { name: a, kind: shema }", "f:2: rules[0].kind: 'shema' is none of: schema, reference,")]
    [InlineData("rules:\n- { name: A-b, kind: schema, severity: info, description: d, max_share: 0 }", "f:2: rules[0].name: 'A-b' must be 1 to 64 small letters")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: bad, description: d, max_share: 0 }", "f:2: rules[0].severity: 'bad' is none of: info")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: info, description: '', max_share: 0 }", "f:2: rules[0].description: 1 to 256 characters")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: info, description: d }", "f:2: rules[0]: the key 'max_share' is missing")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: info, description: d, max_share: 1.5 }", "f:2: rules[0].max_share: '1.5' is not a number from 0 to 1")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: info, description: d, max_share: NaN }", "'NaN' is not a number")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: info, description: d, max_share: 0, weeks: 4 }", "f:2: rules[0]: unknown key 'weeks'; known: name, kind,")]
    [InlineData("rules:\n- { name: a, kind: schema, severity: info, description: d, max_share: 0, reasons: [typo] }", "f:2: rules[0].reasons[0]: 'typo' is none of")]
    [InlineData("rules:\n- { name: a, kind: volume, severity: info, description: d, weeks: 5 }", "f:2: rules[0].weeks: '5' is not a number from 2 to 4")]
    [InlineData("rules:\n- { name: a, kind: volume, severity: info, description: d, weeks: 3, minimum_weeks: 4 }", "'4' is not a number from 2 to 3")]
    [InlineData("rules:\n- { name: a, kind: value, severity: info, description: d, measure: weight }", "f:2: rules[0].measure: 'weight' is none of: units, price")]
    [InlineData("rules:\n- { name: a, kind: freshness, severity: info, description: d, max_age_minutes: 5 }", "the key 'source' is missing")]
    [InlineData("rules:\n- { name: a, kind: quarantine, severity: info, description: d, when: {} }", "f:2: rules[0].when: a condition without any part")]
    [InlineData("rules:\n- { name: a, kind: quarantine, severity: info, description: d, when: { movement_types: [GIFT] } }", "f:2: rules[0].when.movement_types[0]: 'GIFT' is none of: SALE")]
    [InlineData("rules:\n- { name: a, kind: quarantine, severity: info, description: d, when: { quantity_above: -1 } }", "'-1' is not a number from 0")]
    [InlineData("rules:\n- &r { name: a, kind: negative, severity: info, description: d }\n- { name: a, kind: negative, severity: info, description: d }", "f:3: rules[1].name: 'a' stands twice")]
    public void What_can_not_work_is_refused_by_its_place(string text, string problem)
    {
        Assert.Contains(problem, Assert.Throws<SetupException>(() => QualityRules.Parse("f", text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_a_bound_on_rules()
    {
        Assert.Equal(QualityRules.Maximum, QualityRules.Parse("f", Many(QualityRules.Maximum)).Count);
        Assert.Contains("more than 100 rules", Assert.Throws<SetupException>(() => QualityRules.Parse("f", Many(QualityRules.Maximum + 1))).Message, StringComparison.Ordinal);

        static string Many(int rules) => "rules:\n" + string.Concat(Enumerable.Range(0, rules).Select(i => $"- {{ name: r{i}, kind: negative, severity: info, description: d }}\n"));
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Contains("quality.rulesFile 'nowhere.yml' can not be read", Assert.Throws<SetupException>(() => QualityRules.Load("nowhere.yml")).Message, StringComparison.Ordinal);
}
