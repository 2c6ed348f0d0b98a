namespace Stockflow.Serve.Console;

/// <summary>Lengths of a slider over time.</summary>
public static class TimeSpans
{
    public static readonly IReadOnlyList<(string Name, string Label, TimeSpan Length)> All =
    [
        ("1h", "hour", TimeSpan.FromHours(1)),
        ("1d", "day", TimeSpan.FromDays(1)),
        ("30d", "30 days", TimeSpan.FromDays(30)),
        ("1y", "year", TimeSpan.FromDays(365)),
        ("5y", "5 years", TimeSpan.FromDays(5 * 365)),
    ];

    /// <summary>Milliseconds; of a name that is none, those of 30 days.</summary>
    public static (string Name, long Milliseconds) Of(string? name)
    {
        foreach (var (known, _, length) in All)
        {
            if (known == name)
            {
                return (known, (long)length.TotalMilliseconds);
            }
        }

        return Of("30d");
    }
}
