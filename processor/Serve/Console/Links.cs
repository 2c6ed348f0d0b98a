using System.Globalization;
using System.Text;

namespace Stockflow.Serve.Console;

/// <summary>Addresses within the console.</summary>
internal static class Links
{
    public const string Flow = "/", Sku = "/console/sku", Explain = "/console/explain", Ledger = "/console/ledger", Reservations = "/console/reservations",
        Counts = "/console/counts", DeadLetters = "/console/dead-letters";

    /// <summary>A path with parameters; those without a value are left out.</summary>
    public static string To(string path, params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var text = new StringBuilder(path);
        var separator = '?';
        foreach (var (name, value) in parameters)
        {
            if (!string.IsNullOrEmpty(value))
            {
                text.Append(separator).Append(name).Append('=').Append(Uri.EscapeDataString(value));
                separator = '&';
            }
        }

        return text.ToString();
    }

    public static string ToLetter(DeadLetterSummary letter) =>
        string.Create(CultureInfo.InvariantCulture, $"{DeadLetters}/{letter.Partition}/{letter.Offset}");
}

/// <summary>Numbers and times as the console writes them: UTC, no culture.</summary>
internal static class Show
{
    public static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Number(decimal value) => value.ToString("#,0.00", CultureInfo.InvariantCulture);

    public static string Signed(long value) => value.ToString("+#,0;-#,0;0", CultureInfo.InvariantCulture);

    public static string Signed(decimal value) => value.ToString("+#,0.00;-#,0.00;0.00", CultureInfo.InvariantCulture);

    public static string Rate(double value) => value.ToString(value is > 0 and < 10 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    /// <summary>Seconds with a unit that fits.</summary>
    public static string Seconds(double value) => value switch
    {
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{value * 1000:0} ms"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{value:0.0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{value / 60:0} min"),
        < 172_800 => string.Create(CultureInfo.InvariantCulture, $"{value / 3600:0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value / 86_400:#,0} days"),
    };

    public static string Iso(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string Iso(long milliseconds) => Iso(PositionPayload.Instant(milliseconds));

    public static string Time(DateTime time) => time.ToString(time.Millisecond == 0 ? "yyyy-MM-dd HH:mm:ss" : "yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
