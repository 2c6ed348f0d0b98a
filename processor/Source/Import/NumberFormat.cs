using System.Globalization;

namespace Stockflow.Source.Import;

/// <summary>How a file writes numbers.</summary>
/// <param name="Point">The decimal point.</param>
/// <param name="Group">The mark between groups of digits, ignored; empty where there is none.</param>
/// <param name="Round">Whether a price with more than four digits after the point is rounded half to even instead of rejected.</param>
public sealed record NumberFormat(char Point = '.', string Group = "", bool Round = false)
{
    /// <summary>Digits after the point of a price.</summary>
    public const int PriceScale = 4;

    // 18 digits in all, four of them after the point.
    private const decimal PriceLimit = 1e14m;

    public bool TryParse(string text, out decimal value)
    {
        if (Group.Length > 0)
        {
            text = text.Replace(Group, "", StringComparison.Ordinal);
        }

        if (Point != '.')
        {
            if (text.Contains('.', StringComparison.Ordinal))
            {
                value = 0;
                return false;
            }

            text = text.Replace(Point, '.');
        }

        return decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>A price that decimal(18, 4) can hold.</summary>
    public bool TryParsePrice(string text, out decimal value) =>
        TryParse(text, out value)
        && ((value = Round ? decimal.Round(value, PriceScale, MidpointRounding.ToEven) : value) == decimal.Round(value, PriceScale))
        && Math.Abs(value) < PriceLimit;

    /// <summary>A whole number; <c>6.0</c> is one.</summary>
    public bool TryParseWhole(string text, out long value)
    {
        value = 0;
        if (!TryParse(text, out var number) || number != decimal.Truncate(number) || number is > long.MaxValue or <= long.MinValue)
        {
            return false;
        }

        value = (long)number;
        return true;
    }
}
