using System.Globalization;
using System.Text.RegularExpressions;
using Stockflow.Telemetry;
using Stockflow.Tests.Dashboards;

namespace Stockflow.IntegrationTests.Alerts;

/// <summary>Compares what an expression names with the catalogue. Its syntax is promtool's to judge.</summary>
internal static partial class NamedMetrics
{
    private static readonly string[] OfScrape = ["job", "instance"];

    // A record's labels are those that its expression keeps.
    private static readonly Dictionary<string, string[]> Known = new(StringComparer.Ordinal) { ["up"] = [], ["ALERTS"] = ["alertname", "alertstate", "severity"] };

    static NamedMetrics()
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
        var selectors = PromQl.Selectors(expression);
        var metrics = selectors.Select(selector => selector.Metric).ToHashSet(StringComparer.Ordinal);
        foreach (var unknown in metrics.Where(metric => !IsKnown(metric)))
        {
            yield return $"there is no metric {unknown}";
        }

        if (metrics.Count == 0)
        {
            yield return "no metric is named";
        }

        var labels = metrics.Where(IsKnown).SelectMany(metric => Known[metric]).Concat(OfScrape).ToHashSet(StringComparer.Ordinal);
        foreach (var label in Grouping().Matches(expression).SelectMany(group => Split(group.Groups["labels"].Value)).Where(label => !labels.Contains(label)))
        {
            yield return $"none of {string.Join(", ", metrics)} has a label {label}";
        }

        foreach (var (metric, matcher) in selectors.Where(selector => IsKnown(selector.Metric)).SelectMany(selector => selector.Matchers.Select(matcher => (selector.Metric, matcher))))
        {
            if (!Known[metric].Concat(OfScrape).Contains(matcher.Label))
            {
                yield return $"{metric} has no label {matcher.Label}";
            }

            if (matcher.Label == "le" && !IsOneBound(matcher.Operator, matcher.Value))
            {
                yield return $"{metric}: le{matcher.Operator}\"{matcher.Value}\" is not one bound of a bucket, in Prometheus' text format and in OpenMetrics";
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

    [GeneratedRegex(@"\b(by|without|on|ignoring|group_left|group_right)\s*\((?<labels>[^)]*)\)")]
    private static partial Regex Grouping();
}
