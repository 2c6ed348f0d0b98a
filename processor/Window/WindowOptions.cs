using Stockflow.Model;

namespace Stockflow.Window;

/// <summary>Settings of event time.</summary>
public sealed record WindowOptions
{
    /// <summary>How far out of order a source may be before its events count as late, seconds.</summary>
    public int BoundSeconds { get; init; } = 300;

    /// <summary>The same for single sources, by source_system.</summary>
    public IReadOnlyDictionary<string, int> BoundSecondsBySource { get; init; } = new Dictionary<string, int>();

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        foreach (var (source, seconds) in BoundSecondsBySource.Append(new("window.boundSeconds", BoundSeconds)))
        {
            SetupException.ThrowIf(seconds is < 0 or > 90 * 86400, $"window: the bound {seconds} of {source} must be from 0 to 7776000 seconds");
        }
    }
}
