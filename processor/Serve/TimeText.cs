using System.Globalization;

namespace Stockflow.Serve;

/// <summary>
/// Times of callers: ISO 8601 (2026-03-01, 2026-03-01T12:00:00.250+01:00; without an offset UTC) or milliseconds since 1970-01-01 UTC. Strict, so that a
/// mistake is named with its place instead of being read as some other time.
/// </summary>
public static class TimeText
{
    /// <summary>Latest time, milliseconds since 1970-01-01 UTC.</summary>
    public const long Maximum = 9_999_999_999_999;

    private const int DaysDigits = 13;

    /// <summary>Reads a time.</summary>
    /// <param name="text">What the caller wrote.</param>
    /// <param name="milliseconds">Since 1970-01-01 UTC.</param>
    /// <param name="problem">What is wrong with it and at which character, counted from 1; null where it is a time.</param>
    public static bool TryRead(string text, out long milliseconds, out string? problem)
    {
        milliseconds = 0;
        problem = null;
        if (text.Length is > 0 and <= DaysDigits && text.All(char.IsAsciiDigit))
        {
            milliseconds = long.Parse(text, CultureInfo.InvariantCulture);
            return true;
        }

        var at = 0;
        problem = Read(text, ref at, out milliseconds);
        if (problem is null && milliseconds is >= 0 and <= Maximum)
        {
            return true;
        }

        problem = problem is null
            ? $"'{text}' is outside 1970-01-01 to 2286-11-20"
            : $"'{(text.Length > 40 ? text[..40] + "..." : text)}' is no time: {problem} at character {at + 1}; write 2026-03-01T12:00:00Z or milliseconds since 1970";
        return false;
    }

    private static string? Read(string text, ref int at, out long milliseconds)
    {
        milliseconds = 0;
        var (hour, minute, second, fraction, offset) = (0, 0, 0, 0, 0);
        var (month, day) = (1, 1);
        var problem = Number(text, ref at, 4, 1, 9999, out var year) ?? Symbol(text, ref at, "-") ?? Number(text, ref at, 2, 1, 12, out month)
            ?? Symbol(text, ref at, "-") ?? Number(text, ref at, 2, 1, DateTime.DaysInMonth(year, month), out day);
        if (problem is null && at < text.Length)
        {
            problem = Clock(text, ref at, out hour, out minute, out second, out fraction) ?? Offset(text, ref at, out offset);
        }

        if (problem is not null)
        {
            return problem;
        }

        milliseconds = new DateTimeOffset(year, month, day, hour, minute, second, fraction, TimeSpan.Zero).ToUnixTimeMilliseconds() - (offset * 60_000L);
        return null;
    }

    private static string? Clock(string text, ref int at, out int hour, out int minute, out int second, out int fraction)
    {
        (minute, second, fraction, hour) = (0, 0, 0, 0);
        var problem = Symbol(text, ref at, "Tt ") ?? Number(text, ref at, 2, 0, 23, out hour) ?? Symbol(text, ref at, ":") ?? Number(text, ref at, 2, 0, 59, out minute);
        if (problem is not null || at >= text.Length || text[at] != ':')
        {
            return problem;
        }

        at++;
        problem = Number(text, ref at, 2, 0, 59, out second);
        if (problem is not null || at >= text.Length || text[at] != '.')
        {
            return problem;
        }

        var start = ++at;
        for (var scale = 100; at < text.Length && char.IsAsciiDigit(text[at]) && at - start < 9; at++, scale /= 10)
        {
            fraction += (text[at] - '0') * scale;
        }

        return at == start ? "a digit is missing" : null;
    }

    private static string? Offset(string text, ref int at, out int minutes)
    {
        minutes = 0;
        if (at == text.Length)
        {
            return null;
        }

        var sign = text[at];
        // A plus sign in an address is a space unless it is written %2B.
        if (sign is not ('Z' or 'z' or '+' or '-' or ' '))
        {
            return "Z, an offset such as %2B01:00, or the end is missing";
        }

        at++;
        if (sign is 'Z' or 'z')
        {
            return at == text.Length ? null : "there is more than a time";
        }

        var problem = Number(text, ref at, 2, 0, 14, out var hours);
        if (problem is null && at < text.Length && text[at] == ':')
        {
            at++;
        }

        problem ??= Number(text, ref at, 2, 0, 59, out minutes);
        minutes = (sign == '-' ? -1 : 1) * ((hours * 60) + minutes);
        return problem ?? (at == text.Length ? null : "there is more than a time");
    }

    private static string? Symbol(string text, ref int at, string symbols)
    {
        if (at < text.Length && symbols.Contains(text[at], StringComparison.Ordinal))
        {
            at++;
            return null;
        }

        return $"'{symbols[0]}' is missing";
    }

    private static string? Number(string text, ref int at, int digits, int least, int most, out int value)
    {
        value = 0;
        for (var i = 0; i < digits; i++)
        {
            if (at + i >= text.Length || !char.IsAsciiDigit(text[at + i]))
            {
                at += i;
                return "a digit is missing";
            }

            value = (value * 10) + text[at + i] - '0';
        }

        if (value < least || value > most)
        {
            return $"{text.AsSpan(at, digits)} is not from {least} to {most}";
        }

        at += digits;
        return null;
    }
}
