using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Stockflow.Tests.Dashboards;

/// <summary>The rules of grafana/dashboard-linter, by its documentation, for one dashboard's JSON. LogQL is looked at as far as brackets and selectors go.</summary>
internal static partial class DashboardLinter
{
    /// <summary>Units of Grafana that this project may use.</summary>
    private static readonly HashSet<string> Units =
    [
        "none", "string", "short", "percent", "percentunit", "locale", "bytes", "decbytes", "binBps", "Bps", "ns", "µs", "ms", "s", "m", "h", "d", "dtdurations",
        "dateTimeAsIso", "ops", "reqps", "rps", "wps", "cps", "iops", "bool", "bool_yes_no", "bool_on_off", "currencyUSD", "currencyEUR", "currencyGBP",
    ];

    /// <summary>The linter's rules by name. Each yields what it finds wrong.</summary>
    public static readonly IReadOnlyDictionary<string, Func<JsonNode, IEnumerable<string>>> Rules = new Dictionary<string, Func<JsonNode, IEnumerable<string>>>(StringComparer.Ordinal)
    {
        ["template-datasource-rule"] = TemplateDatasource,
        ["template-job-rule"] = board => TemplateLabel(board, "job"),
        ["template-instance-rule"] = board => TemplateLabel(board, "instance"),
        ["template-label-promql-rule"] = TemplateLabelPromQl,
        ["template-on-time-change-reload-rule"] = board => Variables(board).Where(each => Text(each, "type") == "query" && (int?)each["refresh"] != 2)
            .Select(each => $"variable {Text(each, "name")} is not refreshed when the time range changes"),
        ["panel-datasource-rule"] = PanelDatasource,
        ["panel-title-description-rule"] = board => Panels(board).Where(each => Text(each, "title").Length == 0 || Text(each, "description").Length == 0)
            .Select(each => $"{Name(each)} has no title or no description"),
        ["panel-units-rule"] = board => Panels(board).Where(each => !Units.Contains(Text(Defaults(each), "unit")) && Defaults(each)?["mappings"] is not JsonArray { Count: > 0 })
            .Select(each => $"{Name(each)} has no unit or one that Grafana does not know"),
        ["panel-no-targets-rule"] = board => Panels(board).Where(each => each["targets"] is not JsonArray { Count: > 0 }).Select(each => $"{Name(each)} has no target"),
        ["target-logql-rule"] = board => Loki(board).Where(each => !LogQl().IsMatch(each.Expression) || !Balanced(each.Expression)).Select(each => $"{each.Where}: no LogQL: {each.Expression}"),
        ["target-logql-auto-rule"] = board => Loki(board).Where(each => FixedRange().IsMatch(Quoted().Replace(each.Expression, ""))).Select(each => $"{each.Where} has a fixed range instead of $__auto: {each.Expression}"),
        ["target-promql-rule"] = TargetPromQl,
        ["target-rate-interval-rule"] = board => Selectors(board).Where(each => each.Selector is { Function: "rate" or "irate", Range: not "$__rate_interval" })
            .Select(each => $"{each.Where}: {each.Selector.Function} of {each.Selector.Metric} over {each.Selector.Range} instead of $__rate_interval"),
        ["target-job-rule"] = board => TargetMatcher(board, "job"),
        ["target-instance-rule"] = board => TargetMatcher(board, "instance"),
        ["target-counter-agg-rule"] = board => Selectors(board)
            .Where(each => each.Selector.Metric.EndsWith("_total", StringComparison.Ordinal) && (each.Selector.Range.Length == 0 || each.Selector.Function is not ("rate" or "irate" or "increase")))
            .Select(each => $"{each.Where}: counter {each.Selector.Metric} without rate, irate or increase"),
        ["uneditable-dashboard-rule"] = board => (bool?)board["editable"] == false ? [] : ["the dashboard may be edited"],
    };

    /// <summary>Everything that the rules find, as 'rule: what'.</summary>
    public static IReadOnlyList<string> Lint(JsonNode board) => [.. Rules.SelectMany(rule => rule.Value(board).Select(found => $"{rule.Key}: {found}"))];

    public static IEnumerable<JsonNode> Variables(JsonNode board) => Array(board["templating"]?["list"]);

    /// <summary>Panels that show data.</summary>
    public static IEnumerable<JsonNode> Panels(JsonNode board) => Array(board["panels"]).Where(each => Text(each, "type") is "stat" or "timeseries" or "table" or "gauge" or "graph" or "singlestat");

    /// <summary>PromQL of the targets, with where it stands.</summary>
    public static IEnumerable<(string Where, string Expression)> Prometheus(JsonNode board) => IsPrometheus(board) ? Targets(board, "prometheus") : [];

    /// <summary>Selectors of all PromQL; an expression that can not be read has none and is the business of another rule.</summary>
    public static IEnumerable<(string Where, PromQl.Selector Selector)> Selectors(JsonNode board)
    {
        foreach (var (where, expression) in Prometheus(board))
        {
            IReadOnlyList<PromQl.Selector> selectors;
            try
            {
                selectors = PromQl.Selectors(expression);
            }
            catch (FormatException)
            {
                continue;
            }

            foreach (var selector in selectors)
            {
                yield return (where, selector);
            }
        }
    }

    public static string Text(JsonNode? node, string name) => node?[name]?.GetValue<string>() ?? "";

    public static string Name(JsonNode panel) => $"panel '{Text(panel, "title")}'";

    /// <summary>What promtool says about expressions, with Grafana's variables replaced; empty where all are PromQL.</summary>
    public static string Promtool(IEnumerable<string> expressions)
    {
        var rules = new StringBuilder("groups: [{name: all, rules: [\n");
        foreach (var (index, expression) in expressions.Index())
        {
            var expanded = expression.Replace("$__rate_interval", "5m", StringComparison.Ordinal).Replace("$__range", "1h", StringComparison.Ordinal);
            rules.Append(CultureInfo.InvariantCulture, $"  {{record: 'e{index}', expr: {JsonValue.Create(expanded).ToJsonString()}}},\n");
        }

        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, rules.Append("]}]\n").ToString());
            using var promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "rules", file]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var output = promtool.StandardOutput.ReadToEndAsync();
            var faults = promtool.StandardError.ReadToEnd() + output.GetAwaiter().GetResult();
            promtool.WaitForExit();
            return promtool.ExitCode == 0 ? "" : faults;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<string> TemplateDatasource(JsonNode board)
    {
        var sources = Sources(board);
        if (sources.Count == 0)
        {
            yield return "there is no variable for the data source";
        }

        foreach (var source in sources)
        {
            var kind = Text(source, "query");
            var (name, label) = ($"{kind}_datasource", $"{CultureInfo.InvariantCulture.TextInfo.ToTitleCase(kind)} data source");
            if (Text(source, "name") != name && (sources.Count > 1 || Text(source, "name") != "datasource"))
            {
                yield return $"the data source's variable is named {Text(source, "name")}, not {name}";
            }

            if (Text(source, "label") != label && (sources.Count > 1 || Text(source, "label") != "Data source"))
            {
                yield return $"the data source's variable is labelled {Text(source, "label")}, not {label}";
            }
        }
    }

    private static IEnumerable<string> TemplateLabel(JsonNode board, string name)
    {
        if (!IsPrometheus(board))
        {
            yield break;
        }

        var variable = Variables(board).FirstOrDefault(each => Text(each, "name") == name);
        if (variable is null)
        {
            yield return $"there is no variable {name}";
            yield break;
        }

        (bool Holds, string Otherwise)[] wanted =
        [
            (Text(variable["datasource"], "uid") is "$datasource" or "${datasource}" or "$prometheus_datasource" or "${prometheus_datasource}", "does not use the chosen data source"),
            (Text(variable, "type") == "query", "is no query"),
            (Text(variable, "label") == CultureInfo.InvariantCulture.TextInfo.ToTitleCase(name), "is not labelled by its name"),
            ((bool?)variable["multi"] == true, "does not take several values"),
            (Text(variable, "allValue") == ".+", "does not stand for .+ where all are meant"),
        ];
        foreach (var (_, otherwise) in wanted.Where(each => !each.Holds))
        {
            yield return $"variable {name} {otherwise}";
        }
    }

    private static IEnumerable<string> TemplateLabelPromQl(JsonNode board)
    {
        foreach (var variable in IsPrometheus(board) ? Variables(board).Where(each => Text(each, "type") == "query") : [])
        {
            var query = variable["query"] is JsonValue text ? text.GetValue<string>() : Text(variable["query"], "query");
            var match = LabelQuery().Match(query);
            if (!match.Success || match.Groups[1].Value is not ("label_values" or "label_names" or "metrics" or "query_result"))
            {
                yield return $"variable {Text(variable, "name")} is no query of labels: {query}";
            }
            else if (Promtool([LastArgument().Replace(match.Groups[2].Value, "")]) is { Length: > 0 } fault)
            {
                yield return $"variable {Text(variable, "name")}: {fault}";
            }
        }
    }

    private static IEnumerable<string> PanelDatasource(JsonNode board)
    {
        var allowed = Sources(board).Select(each => Text(each, "name")).SelectMany(name => new[] { $"${name}", $"${{{name}}}" }).ToHashSet(StringComparer.Ordinal);
        return Panels(board).SelectMany(panel => Array(panel["targets"]).Append(panel).Where(each => !allowed.Contains(Text(each["datasource"], "uid")))
            .Select(_ => $"{Name(panel)} does not use the chosen data source")).Distinct();
    }

    private static IEnumerable<string> TargetPromQl(JsonNode board)
    {
        var all = Prometheus(board).ToList();
        // One look at all of them; only where something is wrong, one at each.
        return Promtool(all.Select(each => each.Expression)).Length == 0 ? [] : all.Select(each => (each.Where, Fault: Promtool([each.Expression])))
            .Where(each => each.Fault.Length > 0).Select(each => $"{each.Where}: {each.Fault}");
    }

    private static IEnumerable<string> TargetMatcher(JsonNode board, string label) =>
        Selectors(board).Where(each => !each.Selector.Matchers.Contains(new PromQl.Matcher(label, "=~", $"${label}")))
            .Select(each => $"{each.Where}: {each.Selector.Metric} without {label}=~\"${label}\"");

    private static IEnumerable<(string Where, string Expression)> Loki(JsonNode board) => Targets(board, "loki");

    private static IEnumerable<(string Where, string Expression)> Targets(JsonNode board, string type) =>
        Panels(board).SelectMany(panel => Array(panel["targets"]).Where(target => Text(target["datasource"], "type") == type)
            .Select(target => ($"{Name(panel)} {Text(target, "refId")}", Text(target, "expr"))));

    private static bool Balanced(string expression)
    {
        var open = new Stack<char>();
        foreach (var letter in Quoted().Replace(expression, ""))
        {
            if (letter is '(' or '[' or '{')
            {
                open.Push(letter is '(' ? ')' : letter is '[' ? ']' : '}');
            }
            else if (letter is ')' or ']' or '}' && (!open.TryPop(out var expected) || expected != letter))
            {
                return false;
            }
        }

        return open.Count == 0;
    }

    private static JsonNode? Defaults(JsonNode panel) => panel["fieldConfig"] is { } config ? config["defaults"] : null;

    private static List<JsonNode> Sources(JsonNode board) => [.. Variables(board).Where(each => Text(each, "type") == "datasource")];

    private static bool IsPrometheus(JsonNode board) => Text(Sources(board).FirstOrDefault(), "query") == "prometheus";

    private static IEnumerable<JsonNode> Array(JsonNode? node) => (node as JsonArray)?.Select(each => each!) ?? [];

    [GeneratedRegex(@"([a-z_]+)\((.+)\)")]
    private static partial Regex LabelQuery();

    [GeneratedRegex(@",\s*\w+$")]
    private static partial Regex LastArgument();

    [GeneratedRegex(@"\{[^}]*\w\s*(=~|!~|!=|=)\s*[""`]")]
    private static partial Regex LogQl();

    [GeneratedRegex(@"\[(?!\$__auto\])[^\]]*\]")]
    private static partial Regex FixedRange();

    [GeneratedRegex(@"""(?:[^""\\]|\\.)*""|`[^`]*`")]
    private static partial Regex Quoted();
}
