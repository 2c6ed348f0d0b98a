using System.Text.RegularExpressions;
using Stockflow.Chaos.Drill;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Stockflow.IntegrationTests.Alerts;

/// <summary>The rules by promtool, their cases, and their names by the catalogue of metrics.</summary>
public sealed partial class AlertRulesTests
{
    private static readonly string[] Severities = ["critical", "warning", "info"];

    [Fact]
    public async Task Promtool_finds_the_rules_right_and_every_case_as_it_is_written()
    {
        var told = await Task.WhenAll(AlertFiles.TestFiles.Select(file => AlertFiles.PromtoolAsync("test", "rules", file))
            .Append(AlertFiles.PromtoolAsync("check", "config", "prometheus.yml")));
        Assert.All(told, answer => Assert.True(answer.Code == 0, answer.Told));
    }

    [Fact]
    public async Task Alertmanagers_settings_are_right_and_name_alerts_that_exist()
    {
        var (code, told) = await AlertFiles.RunAsync("amtool", "check-config", "alertmanager.yml");
        Assert.True(code == 0, told);
        var names = AlertName().Matches(await File.ReadAllTextAsync(Path.Combine(AlertFiles.Folder, "alertmanager.yml"))).Select(name => name.Value).ToArray();
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains(AlertFiles.Alerts, rule => rule.Alert == name));
    }

    [Fact]
    public void Every_rule_has_a_quiet_a_pending_and_a_firing_case()
    {
        var cases = AlertFiles.TestFiles.SelectMany(Cases).ToLookup(one => (one.Alert, one.Window), one => one.Kind);
        Assert.All(AlertFiles.Alerts, rule => Assert.Equal(["firing", "pending", "quiet"], cases[(rule.Alert, rule.Window)].Distinct().Order()));
        Assert.All(cases, one => Assert.Contains(AlertFiles.Alerts, rule => rule.Alert == one.Key.Alert && (one.Key.Window.Length == 0 || rule.Window == one.Key.Window)));
    }

    [Fact]
    public void Names_severities_and_annotations_follow_one_form()
    {
        var dashboards = Directory.Exists(Path.Combine(AlertFiles.Root, "dashboards", "src"))
            ? Directory.GetFiles(Path.Combine(AlertFiles.Root, "dashboards", "src")).SelectMany(file => Uid().Matches(File.ReadAllText(file))).Select(uid => uid.Groups["uid"].Value).ToArray()
            : ["stockflow-overview", "stockflow-pipeline", "stockflow-lanes", "stockflow-quality", "stockflow-atp", "stockflow-business", "stockflow-runtime"];
        Assert.All(AlertFiles.Alerts, rule =>
        {
            Assert.Matches("^Stockflow([A-Z][a-z]+)+$", rule.Alert);
            Assert.Contains(rule.Labels["severity"], Severities);
            Assert.Matches("^[0-9]+[mh]$", rule.For);
            Assert.Equal(["dashboard_url", "description", "runbook_url", "summary"], rule.Annotations.Keys.Order());
            Assert.Matches("^[A-Z][^{}]+[.]$", rule.Annotations["summary"]);
            Assert.Contains("{{", rule.Annotations["description"], StringComparison.Ordinal);
            Assert.EndsWith(".", rule.Annotations["description"], StringComparison.Ordinal);
            Assert.Equal($"alerts/runbooks/{rule.Alert}.md", rule.Annotations["runbook_url"]);
            Assert.Contains(rule.Annotations["dashboard_url"], dashboards.Select(uid => "/d/" + uid));
        });
        Assert.All(AlertFiles.Alerts.GroupBy(rule => rule.Alert), rules => Assert.Single(rules.Select(rule => rule.Annotations["summary"]).Distinct()));
    }

    [Fact]
    public void Every_metric_label_and_bucket_in_a_rule_exists() => Assert.All(AlertFiles.Rules, rule => Assert.Empty(NamedMetrics.Faults(rule.Expr)));

    [Theory]
    [InlineData("rate(stockflow_no_such_total[5m])", "there is no metric stockflow_no_such_total")]
    [InlineData("max by (table) (stockflow_ready) == 0", "none of stockflow_ready has a label table")]
    [InlineData("stockflow_ready{partition=\"3\"}", "stockflow_ready has no label partition")]
    [InlineData("stockflow_position_freshness_seconds_bucket{le=\"300\"}", "stockflow_position_freshness_seconds_bucket: le=\"300\" is not one bound of a bucket, in Prometheus' text format and in OpenMetrics")]
    [InlineData("stockflow_position_freshness_seconds_bucket{le=~\"3|3[.]0\"}", "stockflow_position_freshness_seconds_bucket: le=~\"3|3[.]0\" is not one bound of a bucket, in Prometheus' text format and in OpenMetrics")]
    public void A_wrong_name_is_found(string expression, string fault) => Assert.Equal([fault], NamedMetrics.Faults(expression));

    [Fact]
    public async Task The_drills_rules_are_the_same_with_a_minute_made_a_second()
    {
        Assert.Equal(
            "  for: 2000ms\n  expr: rate(a_total[5000ms]) > 14.4 * 0.01 and max_over_time(b[1440000ms:5000ms] offset 60000ms) > 3600\n  window: 1h\n  record: a:ratio_rate6h",
            ShortRules.Of("  for: 2m\n  expr: rate(a_total[5m]) > 14.4 * 0.01 and max_over_time(b[1d:5m] offset 1h) > 3600\n  window: 1h\n  record: a:ratio_rate6h"));
        var text = ShortRules.Of(await File.ReadAllTextAsync(AlertFiles.RulesFile));
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, text);
        var (code, told) = await AlertFiles.PromtoolAsync("check", "rules", file);
        File.Delete(file);
        Assert.True(code == 0, told);
        // No duration of minutes or more is left: each is written in milliseconds.
        Assert.DoesNotMatch(@"(?m)\[[^\]]*[0-9](m|h|d|w)[\]:]|^ *for: [0-9]+[mhdw]$", text);
    }

    // ALERTS has one sample for each alert that is pending or fires.
    private static IEnumerable<(string Alert, string Window, string Kind)> Cases(string file)
    {
        var yaml = new YamlStream();
        using var reader = File.OpenText(file);
        yaml.Load(reader);
        foreach (var test in List(yaml.Documents[0].RootNode, "tests"))
        {
            foreach (var query in List(test, "promql_expr_test"))
            {
                var selector = Alerts().Match(query["expr"].ToString());
                var isPending = query["expr"].ToString().StartsWith("count by (alertstate)", StringComparison.Ordinal);
                var samples = List(query, "exp_samples").ToArray();
                Assert.True(isPending ? samples is [var one] && one["labels"].ToString() == "{alertstate=\"pending\"}" : samples.Length == 0, query.ToString());
                yield return (selector.Groups["name"].Value, selector.Groups["window"].Value, isPending ? "pending" : "quiet");
            }

            foreach (var alert in List(test, "alert_rule_test"))
            {
                var name = alert["alertname"].ToString();
                foreach (var expected in List(alert, "exp_alerts"))
                {
                    var labels = (YamlMappingNode)expected["exp_labels"];
                    yield return (name, labels.Children.TryGetValue("window", out var window) ? window.ToString() : "", "firing");
                }
            }
        }
    }

    private static IEnumerable<YamlNode> List(YamlNode node, string name) =>
        ((YamlMappingNode)node).Children.TryGetValue(name, out var list) ? (YamlSequenceNode)list : [];

    [GeneratedRegex("""ALERTS\{alertname="(?<name>\w+)"(,window="(?<window>\w+)")?\}""")]
    private static partial Regex Alerts();

    [GeneratedRegex(@"\bStockflow\w+")]
    private static partial Regex AlertName();

    [GeneratedRegex(@"\buid: '(?<uid>stockflow-\w+)'")]
    private static partial Regex Uid();
}
