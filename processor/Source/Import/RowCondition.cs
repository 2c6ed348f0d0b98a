using System.Text.RegularExpressions;

namespace Stockflow.Source.Import;

/// <summary>Tests on one column; all that are given must hold. A record without the column counts as an empty value.</summary>
public sealed class RowCondition
{
    public required int Column { get; init; }

    public IReadOnlySet<string>? In { get; init; }

    public IReadOnlySet<string>? NotIn { get; init; }

    public IReadOnlyList<string>? StartsWith { get; init; }

    public Regex? Matches { get; init; }

    public bool? Empty { get; init; }

    public decimal? Below { get; init; }

    public decimal? Above { get; init; }

    public StringComparison Comparison { get; init; } = StringComparison.Ordinal;

    public bool ComparesNumbers => Below is not null || Above is not null;

    public bool Holds(RawRow row, NumberFormat numbers)
    {
        var value = (row[Column] ?? "").Trim();
        if ((Empty is { } empty && empty != (value.Length == 0))
            || (In is not null && !In.Contains(value))
            || (NotIn is not null && NotIn.Contains(value))
            || (StartsWith is not null && !Starts(value))
            || (Matches is not null && !Matches.IsMatch(value)))
        {
            return false;
        }

        return !ComparesNumbers
            || (numbers.TryParse(value, out var number) && (Below is null || number < Below) && (Above is null || number > Above));
    }

    private bool Starts(string value)
    {
        foreach (var prefix in StartsWith!)
        {
            if (value.StartsWith(prefix, Comparison))
            {
                return true;
            }
        }

        return false;
    }
}
