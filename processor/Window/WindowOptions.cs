using Stockflow.Model;

namespace Stockflow.Window;

/// <summary>Settings of event time.</summary>
public sealed record WindowOptions
{
    private const int LongestBound = 90 * 86400, LongestLateness = 366 * 86400;

    /// <summary>How far out of order a source may be before its events count as late, seconds.</summary>
    public int BoundSeconds { get; init; } = 300;

    /// <summary>The same for single sources, by source_system.</summary>
    public IReadOnlyDictionary<string, int> BoundSecondsBySource { get; init; } = new Dictionary<string, int>();

    /// <summary>How long after the watermark events may come before their hour is closed, seconds.</summary>
    public int AllowedLatenessSeconds { get; init; } = 3600;

    /// <summary>The same for single sources, by source_system.</summary>
    public IReadOnlyDictionary<string, int> AllowedLatenessSecondsBySource { get; init; } = new Dictionary<string, int>();

    /// <summary>How long nothing of a source must come, while its lane keeps up with its partition, until it holds the watermark back no more, seconds.</summary>
    public int IdleSeconds { get; init; } = 60;

    /// <summary>How far a lane may be ahead of the global watermark before its partition is held back, seconds; 0 for no limit.</summary>
    public int MaximumDriftSeconds { get; init; }

    internal long MaximumDriftMilliseconds => MaximumDriftSeconds * 1000L;

    // A lane goes on at half of the drift. Below twice this, lanes whose sources have other bounds, or one of whose sources fell silent,
    // would be held back for ever or again and again though nobody is behind.
    private int LeastDriftSeconds
    {
        get
        {
            var bounds = BoundSecondsBySource.Values.Append(BoundSeconds).ToArray();
            return 2 * (IdleSeconds + bounds.Max() - bounds.Min());
        }
    }

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        foreach (var (source, seconds) in BoundSecondsBySource.Append(new("window.boundSeconds", BoundSeconds)))
        {
            SetupException.ThrowIf(seconds is < 0 or > LongestBound, $"window: the bound {seconds} of {source} must be from 0 to {LongestBound} seconds");
        }

        foreach (var (source, seconds) in AllowedLatenessSecondsBySource.Append(new("window.allowedLatenessSeconds", AllowedLatenessSeconds)))
        {
            SetupException.ThrowIf(seconds is < 0 or > LongestLateness, $"window: the allowed lateness {seconds} of {source} must be from 0 to {LongestLateness} seconds");
        }

        SetupException.ThrowIf(IdleSeconds is < 1 or > 86400, "window.idleSeconds must be from 1 to 86400");
        SetupException.ThrowIf(MaximumDriftSeconds != 0 && (MaximumDriftSeconds < LeastDriftSeconds || MaximumDriftSeconds > LongestLateness),
            $"window.maximumDriftSeconds must be 0 for no limit, or from {LeastDriftSeconds} (twice the idle time plus the greatest difference between bounds) to {LongestLateness}");
    }

    internal long BoundMilliseconds(string source) => BoundSecondsBySource.GetValueOrDefault(source, BoundSeconds) * 1000L;

    internal long LatenessMilliseconds(string source) => AllowedLatenessSecondsBySource.GetValueOrDefault(source, AllowedLatenessSeconds) * 1000L;
}
