using System.Globalization;
using System.Text.RegularExpressions;
using Stockflow.Telemetry;

namespace Stockflow.IntegrationTests.Alerts;

/// <summary>What an expression names: enough of PromQL to compare it with the catalogue. Its syntax is promtool's to judge.</summary>
internal static partial class PromQl
{
    private static readonly string[] Words = ["and", "or", "unless", "bool", "offset"], OfScrape = ["job", "instance"];

    // A record's labels are those that its expression keeps.
    private static readonly Dictionary<string, string[]> Known = new(StringComparer.Ordinal) { ["up"] = [], ["ALERTS"] = ["alertname", "alertstate", "severity"] };

    static PromQl()
    {
        foreach (var metric in Metrics.Catalogue)
        {
            string[] labels = [.. metric.Labels];
            if (metric.Kind == MetricKind.Histogram)
            {
                Known[metric.Name + "_bucket"] = [.. labels, "le"];
                Known[metric.Name + "_count"] = Known[metric.Name + "_sum"] = labels;
            }
            else
            {
                Known[metric.Name] = labels;
            }
        }

        foreach (var record in AlertFiles.Rules.Where(rule => rule.Record is not null))
        {
            Known[record.Record!] = [.. Grouping().Matches(record.Expr).SelectMany(group => Split(group.Groups["labels"].Value)).Distinct()];
        }
    }

    public static bool IsKnown(string metric) => Known.ContainsKey(metric);

    /// <summary>What is wrong with the names in an expression.</summary>
    public static IEnumerable<string> Faults(string expression)
    {
        // Strings first: they may hold braces.
        var selectors = new List<(string Metric, string Label, string Operator, string Value)>();
        var rest = Selector().Replace(expression, selector =>
        {
            foreach (Match matcher in Matcher().Matches(selector.Groups["matchers"].Value))
            {
                selectors.Add((selector.Groups["metric"].Value, matcher.Groups["label"].Value, matcher.Groups["operator"].Value, matcher.Groups["value"].Value));
            }

            return selector.Groups["metric"].Value + " ";
        });
        var grouped = Grouping().Matches(rest).SelectMany(group => Split(group.Groups["labels"].Value)).ToList();
        rest = Range().Replace(Grouping().Replace(rest, " "), " ");
        var metrics = Name().Matches(rest).Select(name => name.Value).Where(name => !Words.Contains(name)).ToHashSet(StringComparer.Ordinal);
        foreach (var unknown in metrics.Where(metric => !IsKnown(metric)))
        {
            yield return $"there is no metric {unknown}";
        }

        if (metrics.Count == 0)
        {
            yield return "no metric is named";
        }

        var labels = metrics.Where(IsKnown).SelectMany(metric => Known[metric]).Concat(OfScrape).ToHashSet(StringComparer.Ordinal);
        foreach (var label in grouped.Where(label => !labels.Contains(label)))
        {
            yield return $"none of {string.Join(", ", metrics)} has a label {label}";
        }

        foreach (var (metric, label, comparison, value) in selectors.Where(selector => IsKnown(selector.Metric)))
        {
            if (!Known[metric].Concat(OfScrape).Contains(label))
            {
                yield return $"{metric} has no label {label}";
            }

            if (label == "le" && !IsOneBound(comparison, value))
            {
                yield return $"{metric}: le{comparison}\"{value}\" is not one bound of a bucket, in Prometheus' text format and in OpenMetrics";
            }
        }
    }

    private static bool IsOneBound(string comparison, string value)
    {
        return Single(bound => bound.ToString("R", CultureInfo.InvariantCulture)) is { } text
            && Single(bound => bound.ToString("0.0###", CultureInfo.InvariantCulture)) == text;

        double? Single(Func<double, string> format)
        {
            var found = Metrics.SecondsBuckets.Where(bound => comparison == "=" ? format(bound) == value : Regex.IsMatch(format(bound), $"^(?:{value})$")).ToArray();
            return found.Length == 1 ? found[0] : null;
        }
    }

    private static string[] Split(string labels) => labels.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex("""(?<metric>[a-zA-Z_:][a-zA-Z0-9_:]*)\{(?<matchers>([^}"']|"[^"]*"|'[^']*')*)\}""")]
    private static partial Regex Selector();

    [GeneratedRegex("""(?<label>[a-z_]+)\s*(?<operator>=~|!~|!=|=)\s*["'](?<value>[^"']*)["']""")]
    private static partial Regex Matcher();

    [GeneratedRegex(@"\b(by|without|on|ignoring|group_left|group_right)\s*\((?<labels>[^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\[[^\]]*\]|\boffset\s+\w+")]
    private static partial Regex Range();

    // Not a function, which has a bracket behind it, and not a part of a number.
    [GeneratedRegex(@"(?<![\w.:])[a-zA-Z_:][\w:]*(?![\w:])(?!\s*\()")]
    private static partial Regex Name();
}
