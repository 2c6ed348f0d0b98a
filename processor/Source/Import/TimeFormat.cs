using System.Globalization;

namespace Stockflow.Source.Import;

/// <summary>
/// How a file writes times. A local time that occurs twice when clocks go back is the earlier one; one that clocks skip
/// counts from the offset before the skip.
/// </summary>
/// <param name="Formats">.NET date formats, or <c>iso</c>, <c>unix-seconds</c>, <c>unix-millis</c>; the first that fits is taken.</param>
/// <param name="Zone">Zone of times without an offset of their own.</param>
public sealed record TimeFormat(IReadOnlyList<string> Formats, TimeZoneInfo Zone)
{
    public const string Iso = "iso", UnixSeconds = "unix-seconds", UnixMillis = "unix-millis";

    private static readonly string[] IsoFormats =
        ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd HH:mmK", "yyyy-MM-dd"];

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public bool TryParse(string text, out long millis)
    {
        foreach (var format in Formats)
        {
            var fits = format switch
            {
                Iso => TryIso(text, out millis),
                UnixSeconds => TryUnix(text, 1000, out millis),
                UnixMillis => TryUnix(text, 1, out millis),
                _ => TryExact(text, format, out millis),
            };
            if (fits)
            {
                return true;
            }
        }

        millis = 0;
        return false;
    }

    private static bool TryUnix(string text, long scale, out long millis)
    {
        millis = 0;
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            || Math.Abs((decimal)value * scale) > 253_402_300_799_999m)
        {
            return false;
        }

        millis = value * scale;
        return true;
    }

    private bool TryIso(string text, out long millis)
    {
        foreach (var format in IsoFormats)
        {
            if (TryExact(text, format, out millis))
            {
                return true;
            }
        }

        millis = 0;
        return false;
    }

    private bool TryExact(string text, string format, out long millis)
    {
        millis = 0;
        if (!DateTime.TryParseExact(text, format, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time))
        {
            return false;
        }

        if (time.Kind == DateTimeKind.Unspecified)
        {
            var offset = Zone.IsAmbiguousTime(time) ? Zone.GetAmbiguousTimeOffsets(time).Max()
                : Zone.IsInvalidTime(time) ? Zone.GetUtcOffset(time.AddDays(-1))
                : Zone.GetUtcOffset(time);
            if (time.Ticks - offset.Ticks is < 0 or > 3_155_378_975_999_999_999)
            {
                return false;
            }

            time = time.AddTicks(-offset.Ticks);
        }

        millis = (time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;
        return true;
    }
}
