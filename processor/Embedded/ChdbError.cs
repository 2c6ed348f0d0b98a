using System.Globalization;
using System.Text.RegularExpressions;

namespace Stockflow.Embedded;

/// <summary>An error as ClickHouse's HTTP interface shows it.</summary>
/// <param name="Code">ClickHouse's error code.</param>
/// <param name="Name">Its name, SYNTAX_ERROR for example.</param>
/// <param name="Text">Whole text: "Code: 62. DB::Exception: ... (SYNTAX_ERROR)".</param>
public sealed partial record ChdbError(int Code, string Name, string Text)
{
    public const int BadArguments = 36, UnknownFormat = 73, NotImplemented = 48, SyntaxError = 62, UnknownSetting = 115, Timeout = 159,
        Readonly = 164, TooManyQueries = 202, AuthenticationFailed = 516, Unknown = 1002, QueryCancelled = 394, TooLarge = 107;

    /// <summary>HTTP status that ClickHouse answers with.</summary>
    public int Status => Code switch
    {
        194 => 401,
        192 or 193 or AuthenticationFailed => 403,
        6 or 25 or 26 or 27 or 38 or 41 or BadArguments or 43 or 53 or SyntaxError or 69 or 70 or 72 or 117 or 131 or 321 or 427 or 456 or 457 => 400,
        46 or 47 or 50 or 56 or 60 or 63 or UnknownFormat or 78 or 81 or UnknownSetting or 336 or 511 => 404,
        TooLarge => 413,
        NotImplemented => 501,
        209 or 439 => 503,
        _ => 500,
    };

    public static ChdbError Of(int code, string name, string message) =>
        new(code, name, string.Create(CultureInfo.InvariantCulture, $"Code: {code}. DB::Exception: {message} ({name}) (version {ChdbEngine.Version} (stockflow embedded))"));

    /// <summary>Reads the engine's own text; text in another form becomes code 1002.</summary>
    public static ChdbError Parse(string text)
    {
        var code = CodePattern().Match(text);
        if (!code.Success)
        {
            return Of(Unknown, "UNKNOWN_EXCEPTION", text);
        }

        var name = NamePattern().Matches(text);
        return new ChdbError(int.Parse(code.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
            name.Count == 0 ? "" : name[^1].Groups[1].Value, text);
    }

    [GeneratedRegex(@"Code: (\d+)\. ")]
    private static partial Regex CodePattern();

    [GeneratedRegex(@"\(([A-Z0-9_]{3,})\)")]
    private static partial Regex NamePattern();
}

/// <summary>Carries a <see cref="ChdbError"/> to the place that answers the request.</summary>
public sealed class ChdbException(ChdbError error) : Exception(error.Text)
{
    public ChdbError Error { get; } = error;

    public static ChdbException Of(int code, string name, string message) => new(ChdbError.Of(code, name, message));
}
