using System.Globalization;
using System.Text.RegularExpressions;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Reads <c>when</c>: tests by column, all of which must hold.</summary>
internal static class ConditionParser
{
    public static IReadOnlyList<RowCondition> Parse(MappingNode? node, ColumnSet columns) =>
        node is null ? [] : [.. node.Entries().Select(entry => Condition(entry.Key, entry.Value, columns))];

    private static RowCondition Condition(string column, MappingNode node, ColumnSet columns)
    {
        if (!node.IsMap)
        {
            return new RowCondition { Column = columns.Add(column), In = node.Texts().ToHashSet(StringComparer.Ordinal) };
        }

        node.Allow("in", "not_in", "starts_with", "matches", "empty", "below", "above", "ignore_case");
        var ignore = node.Flag("ignore_case", false);
        var comparer = ignore ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        return new RowCondition
        {
            Column = columns.Add(column),
            In = node.Find("in")?.Texts().ToHashSet(comparer),
            NotIn = node.Find("not_in")?.Texts().ToHashSet(comparer),
            StartsWith = node.Find("starts_with")?.Texts(),
            Matches = node.Find("matches") is { } pattern ? Pattern(pattern, ignore) : null,
            Empty = node.Find("empty") is null ? null : node.Flag("empty", true),
            Below = Number(node.Find("below")),
            Above = Number(node.Find("above")),
            Comparison = ignore ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal,
        };
    }

    private static Regex Pattern(MappingNode node, bool ignoreCase)
    {
        // Without backtracking a pattern takes time linear in the text, whatever the file holds.
        var options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
        try
        {
            return new Regex(node.Text(), options);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw node.Error($"the pattern can not be used: {error.Message}");
        }
    }

    private static decimal? Number(MappingNode? node) =>
        node is null ? null
        : decimal.TryParse(node.Text(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number
        : throw node.Error($"'{node.Text()}' is no number.");
}
