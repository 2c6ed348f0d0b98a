using System.Globalization;
using System.Text.RegularExpressions;

namespace Stockflow.Chaos.Drill;

/// <summary>
/// The rules of alerts/stockflow.rules.yml with one minute made one second, and nothing else: every range and offset in an expression
/// ([5m], [1d:5m], offset 1h) and every 'for' is divided by <see cref="Divisor"/>. Names, thresholds and labels stay as they are.
/// </summary>
internal static partial class ShortRules
{
    public const int Divisor = 60;

    public static string Of(string rules) => Place().Replace(rules, place =>
        place.Groups["head"].Value + Duration().Replace(place.Groups["time"].Value, Divide) + place.Groups["tail"].Value);

    private static string Divide(Match duration)
    {
        var seconds = duration.Groups["unit"].Value switch { "s" => 1, "m" => 60, "h" => 3600, "d" => 86_400, _ => 7 * 86_400 };
        return string.Create(CultureInfo.InvariantCulture, $"{long.Parse(duration.Groups["number"].Value, CultureInfo.InvariantCulture) * seconds * 1000 / Divisor}ms");
    }

    [GeneratedRegex(@"(?<head>\[)(?<time>[0-9smhdw:]+)(?<tail>\])|(?<head>\boffset )(?<time>[0-9smhdw]+)|(?<head>^ *(for|keep_firing_for|interval): )(?<time>[0-9smhdw]+)", RegexOptions.Multiline)]
    private static partial Regex Place();

    [GeneratedRegex("(?<number>[0-9]+)(?<unit>[smhdw])")]
    private static partial Regex Duration();
}
