using System.Globalization;

namespace Stockflow.Serve;

/// <summary>Where a page of dead letters ended, as text: <c>PARTITION-OFFSET.PARTITION-OFFSET</c>.</summary>
internal static class DeadLetterCursor
{
    private const int MaximumLength = 8192;

    public static string? Write(IReadOnlyDictionary<int, long>? places) => places is null
        ? null
        : string.Join('.', places.OrderBy(place => place.Key).Select(place => string.Create(CultureInfo.InvariantCulture, $"{place.Key}-{place.Value}")));

    /// <summary>Null where the text is no cursor.</summary>
    public static IReadOnlyDictionary<int, long>? Read(string text)
    {
        if (text.Length > MaximumLength)
        {
            return null;
        }

        var places = new Dictionary<int, long>();
        foreach (var part in text.Split('.'))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            if (dash < 1 || !int.TryParse(part.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
                || !long.TryParse(part.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var offset) || !places.TryAdd(partition, offset))
            {
                return null;
            }
        }

        return places;
    }
}
