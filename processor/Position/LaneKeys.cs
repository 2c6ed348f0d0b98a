using System.Globalization;

namespace Stockflow.Position;

/// <summary>
/// Names of a lane's keys in Redis. The hash tag <c>{prefix:partition}</c> keeps them in one slot. They live under a base: the tag itself
/// while the string <c>TAG:generation</c> is absent or empty, else <c>TAG:gN</c> with that string as N. A rebuild fills another base
/// and moves the string to it in one step. Under the base: <c>:lane</c> hash (epoch, next, revision, at (time of the last commit), wm:SOURCE, watermark, close), <c>:sku:ID</c> hash
/// (location to <see cref="PositionCodec"/> value), <c>:seen:BUCKET</c> list of packed fingerprints, <c>:buckets</c> set, <c>:unsettled</c> and
/// <c>:held</c> sets.
/// </summary>
internal static class LaneKeys
{
    public const string Sku = ":sku:";
    private static readonly string[] OfBase = ["lane", "buckets", "unsettled", "held"];

    public static string Tag(string prefix, int partition) => string.Create(CultureInfo.InvariantCulture, $"{{{prefix}:{partition}}}");

    public static string Base(string tag, string generation) => generation.Length == 0 ? tag : tag + ":g" + generation;

    /// <summary>A pattern for SCAN: keys of any lane whose part behind the tag ends in <paramref name="rest"/>.</summary>
    public static string Pattern(string prefix, string rest)
    {
        var escaped = new System.Text.StringBuilder("{");
        foreach (var c in prefix)
        {
            escaped.Append(c is '*' or '?' or '[' or ']' or '\\' or '^' or '-' ? "\\" : "").Append(c);
        }

        return escaped.Append(":*}:*").Append(rest).ToString();
    }

    /// <summary>Takes a key of a lane apart; false for keys that are not part of a base.</summary>
    /// <param name="key">The key's name.</param>
    /// <param name="partition">Of the lane.</param>
    /// <param name="generation">The base's N; empty for the tag itself.</param>
    /// <param name="rest">What follows the base and its colon, such as <c>sku:ID</c>.</param>
    public static bool TryParse(string key, out int partition, out string generation, out string rest)
    {
        (partition, generation, rest) = (-1, "", "");
        var close = key.IndexOf('}', StringComparison.Ordinal);
        var colon = close < 0 ? -1 : key.LastIndexOf(':', close);
        if (colon < 0 || close + 2 > key.Length || !int.TryParse(key.AsSpan(colon + 1, close - colon - 1), NumberStyles.None, CultureInfo.InvariantCulture, out partition))
        {
            return false;
        }

        rest = key[(close + 2)..];
        var end = rest.IndexOf(':', StringComparison.Ordinal);
        if (rest.StartsWith('g') && end > 1 && !rest.AsSpan(1, end - 1).ContainsAnyExceptInRange('0', '9'))
        {
            generation = rest[1..end];
            rest = rest[(end + 1)..];
        }

        return rest.StartsWith("sku:", StringComparison.Ordinal) || rest.StartsWith("seen:", StringComparison.Ordinal) || OfBase.Contains(rest);
    }
}
