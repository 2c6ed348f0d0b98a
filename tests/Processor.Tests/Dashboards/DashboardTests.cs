using System.Diagnostics;
using System.Text.Json.Nodes;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Dashboards;

public sealed class DashboardTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "dashboards", "generated");

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Folder, "*.json").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    /// <summary>A fault for each rule: what is changed in a good dashboard.</summary>
    private static readonly Dictionary<string, Action<JsonNode>[]> Faults = new(StringComparer.Ordinal)
    {
        ["template-datasource-rule"] = [board => Variable(board, "datasource")["name"] = "source", board => Variable(board, "datasource")["label"] = "Source", board => Variable(board, "datasource")["type"] = "custom"],
        ["template-job-rule"] = [board => Variable(board, "job")["multi"] = false, board => Variable(board, "job")["name"] = "jobs", board => Variable(board, "job")["allValue"] = ".*"],
        ["template-instance-rule"] = [board => Variable(board, "instance")["label"] = "Host", board => Variable(board, "instance")["datasource"]!["uid"] = "prometheus"],
        ["template-label-promql-rule"] = [board => Variable(board, "job")["query"] = "values(up, job)", board => Variable(board, "job")["query"] = "label_values(up{, job)"],
        ["template-on-time-change-reload-rule"] = [board => Variable(board, "job")["refresh"] = 1],
        ["panel-datasource-rule"] = [board => Panel(board)["datasource"]!["uid"] = "prometheus", board => Target(board)["datasource"]!["uid"] = "prometheus"],
        ["panel-title-description-rule"] = [board => Panel(board)["title"] = "", board => Panel(board)["description"] = ""],
        ["panel-units-rule"] = [board => Panel(board)["fieldConfig"]!["defaults"]!["unit"] = "parsecs", board => Panel(board)["fieldConfig"]!["defaults"]!.AsObject().Remove("unit")],
        ["panel-no-targets-rule"] = [board => Panel(board)["targets"] = new JsonArray(), board => Panel(board).AsObject().Remove("targets")],
        ["target-logql-rule"] = [board => Loki(board, "{app=\"a\""), board => Loki(board, "rate(app)")],
        ["target-logql-auto-rule"] = [board => Loki(board, "rate({app=\"a\"}[5m])")],
        ["target-promql-rule"] = [board => Target(board)["expr"] = "sum(", board => Target(board)["expr"] = "", board => Target(board)["expr"] = "rate(a{job=~\"$job\", instance=~\"$instance\"})"],
        ["target-rate-interval-rule"] = [board => Target(board)["expr"] = "sum(rate(a_total{job=~\"$job\", instance=~\"$instance\"}[5m]))"],
        ["target-job-rule"] = [board => Target(board)["expr"] = "a{instance=~\"$instance\"}", board => Target(board)["expr"] = "a{job=\"$job\", instance=~\"$instance\"}"],
        ["target-instance-rule"] = [board => Target(board)["expr"] = "a{job=~\"$job\"}", board => Target(board)["expr"] = "a / on () sum by (x) (b{job=~\"$job\", instance=~\".+\"})"],
        ["target-counter-agg-rule"] = [board => Target(board)["expr"] = "a_total{job=~\"$job\", instance=~\"$instance\"}", board => Target(board)["expr"] = "max_over_time(a_total{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval])"],
        ["uneditable-dashboard-rule"] = [board => board["editable"] = true, board => board.AsObject().Remove("editable")],
    };

    public static TheoryData<string> RuleNames => [.. DashboardLinter.Rules.Keys];

    [Theory]
    [MemberData(nameof(Files))]
    public void The_linter_finds_nothing(string file) => Assert.Empty(DashboardLinter.Lint(Read(file)));

    [Theory]
    [MemberData(nameof(RuleNames))]
    public void Each_rule_finds_its_fault(string rule)
    {
        foreach (var plant in Faults[rule])
        {
            var board = Read("stockflow-lanes.json");
            plant(board);
            Assert.NotEmpty(DashboardLinter.Rules[rule](board));
        }
    }

    [Fact]
    public void The_linter_takes_good_LogQl()
    {
        var board = Read("stockflow-lanes.json");
        Loki(board, "sum by (level) (rate({app=\"a\"} |= `[5m]{` [$__auto]))");
        Assert.DoesNotContain(DashboardLinter.Lint(board), found => found.StartsWith("target-logql", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("sum by (le) (rate(a{x=\"}\", y!~\"b\"}[$__rate_interval]))", "a x=}|y!~b [$__rate_interval] rate")]
    [InlineData("a / on (x) group_left () b or vector(0)", "a  [] ", "b  [] ")]
    [InlineData("histogram_quantile(0.99, sum(a:b{})) > bool 14.4e3 unless time() - min(c)", "a:b  [] sum", "c  [] min")]
    public void Selectors_are_found_with_what_is_around_them(string expression, params string[] expected) =>
        Assert.Equal(expected, PromQl.Selectors(expression).Select(each =>
            $"{each.Metric} {string.Join('|', each.Matchers.Select(matcher => matcher.Label + matcher.Operator + matcher.Value))} [{each.Range}] {each.Function}"));

    [Theory]
    [MemberData(nameof(Files))]
    public void Metrics_and_labels_are_those_of_the_catalogue(string file)
    {
        var board = Read(file);
        var variables = DashboardLinter.Variables(board).Where(each => DashboardLinter.Text(each["datasource"], "type") == "prometheus")
            .SelectMany(each => PromQl.Selectors(DashboardLinter.Text(each, "definition")["label_values(".Length..].Split(", ")[0])).Select(each => ("a variable", each));
        foreach (var (where, selector) in DashboardLinter.Selectors(board).Concat(variables))
        {
            var known = Labels(selector.Metric);
            Assert.True(known is not null, $"{where}: nothing is called {selector.Metric}");
            Assert.All(selector.Matchers, matcher => Assert.True(known.Contains(matcher.Label), $"{where}: {selector.Metric} has no label {matcher.Label}"));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Panels_have_thresholds_and_links_to_what_exists_and_lie_beside_each_other(string file)
    {
        var board = Read(file);
        Assert.Equal(Path.GetFileNameWithoutExtension(file), DashboardLinter.Text(board, "uid"));
        Assert.Contains("stockflow", board["tags"]!.AsArray().Select(tag => tag!.GetValue<string>()));
        Assert.Contains(board["links"]!.AsArray(), link => DashboardLinter.Text(link, "type") == "dashboards");
        var panels = DashboardLinter.Panels(board).ToList();
        Assert.NotEmpty(panels);
        foreach (var panel in panels)
        {
            Assert.True(panel["fieldConfig"]!["defaults"]!["thresholds"]?["steps"] is JsonArray { Count: > 0 }, $"{DashboardLinter.Name(panel)} has no thresholds");
            Assert.True(panel["links"] is JsonArray { Count: > 0 }, $"{DashboardLinter.Name(panel)} has no link");
        }

        var all = board["panels"]!.AsArray().Select(panel => panel!).ToList();
        foreach (var path in all.SelectMany(panel => panel["links"]?.AsArray() ?? []).Select(link => DashboardLinter.Text(link, "url")))
        {
            Assert.StartsWith("${docs}", path, StringComparison.Ordinal);
            var target = Path.Combine(Repository.Root, path["${docs}".Length..]);
            Assert.True(File.Exists(target) || Directory.Exists(target), $"{path} does not exist");
        }

        var taken = new HashSet<(int, int)>();
        foreach (var place in all.Select(panel => panel["gridPos"]!))
        {
            var (x, y, width, height) = ((int)place["x"]!, (int)place["y"]!, (int)place["w"]!, (int)place["h"]!);
            Assert.InRange(x + width, 1, 24);
            Assert.All(Enumerable.Range(0, width * height), cell => Assert.True(taken.Add((x + (cell % width), y + (cell / width))), $"two panels at {x}, {y}"));
        }

        Assert.Equal(all.Count, all.Select(panel => (int)panel["id"]!).Distinct().Count());
    }

    [Fact]
    public void Generated_files_are_those_of_the_sources()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-dashboards-");
        try
        {
            using var node = Process.Start(new ProcessStartInfo("node", [Path.Combine(Repository.Root, "dashboards", "generate.mjs"), folder.FullName]) { RedirectStandardError = true })!;
            var faults = node.StandardError.ReadToEnd();
            node.WaitForExit();
            Assert.True(node.ExitCode == 0, $"{faults}\n('eng/setup test' installs the SDK)");
            var written = Directory.EnumerateFiles(folder.FullName).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();
            Assert.Equal(Directory.EnumerateFiles(Folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal), written);
            Assert.All(written, file => Assert.True(
                File.ReadAllBytes(Path.Combine(folder.FullName, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(Folder, file))),
                $"{file} is not what its source makes; 'node dashboards/generate.mjs' writes it anew"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Labels that a series may have, or null where no such series exists.</summary>
    private static HashSet<string>? Labels(string series)
    {
        string[] scraped = ["job", "instance"];
        if (series == "up")
        {
            return [.. scraped];
        }

        var metric = Metrics.Catalogue.FirstOrDefault(each => each.Kind == MetricKind.Histogram
            ? series.StartsWith(each.Name, StringComparison.Ordinal) && series[each.Name.Length..] is "_bucket" or "_sum" or "_count"
            : each.Name == series);
        return metric is null ? null : [.. metric.Labels, .. scraped, .. series.EndsWith("_bucket", StringComparison.Ordinal) ? ["le"] : Array.Empty<string>()];
    }

    private static JsonNode Read(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, file)))!;

    private static JsonNode Variable(JsonNode board, string name) => DashboardLinter.Variables(board).First(each => DashboardLinter.Text(each, "name") == name);

    private static JsonNode Panel(JsonNode board) => DashboardLinter.Panels(board).First();

    private static JsonNode Target(JsonNode board) => Panel(board)["targets"]![0]!;

    private static void Loki(JsonNode board, string expression)
    {
        Target(board)["datasource"]!["type"] = "loki";
        Target(board)["expr"] = expression;
    }
}
