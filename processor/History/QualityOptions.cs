using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Settings of the data quality rules.</summary>
public sealed record QualityOptions
{
    /// <summary>File of the rules; null for schemas/quality.yml of the program's own folder.</summary>
    public string? RulesFile { get; init; }

    /// <summary>Time between two evaluations, seconds; 0 for none. Quarantine rules hold records all the same.</summary>
    public double IntervalSeconds { get; init; } = 60;

    /// <exception cref="SetupException">A setting or a rule can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(IntervalSeconds is not (0 or (>= 0.1 and <= 86400)), "quality.intervalSeconds must be 0 or from 0.1 to 86400");
        _ = Load();
    }

    /// <summary>The rules.</summary>
    /// <exception cref="SetupException">The file is missing or a rule can not work.</exception>
    public IReadOnlyList<QualityRule> Load() => QualityRules.Load(RulesFile);
}
