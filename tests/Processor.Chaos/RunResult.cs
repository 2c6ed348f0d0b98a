using Stockflow.Chaos.Verify;

namespace Stockflow.Chaos;

/// <summary>What a run has shown.</summary>
internal sealed class RunResult
{
    public long Seed { get; set; }

    public TimeSpan Took { get; set; }

    public int Faults { get; set; }

    /// <summary>Why the run could not be finished, or an empty text.</summary>
    public string Problem { get; set; } = "";

    /// <summary>Where the servers' logs are kept, or an empty text.</summary>
    public string Folder { get; set; } = "";

    public long Produced { get; init; }

    public long Accepted { get; init; }

    public long Duplicates { get; init; }

    public long DeadLetters { get; init; }

    public IReadOnlyList<Finding> Findings { get; init; } = [];

    public IReadOnlyDictionary<string, int> Notes { get; set; } = new Dictionary<string, int>();

    public bool IsClean => Problem.Length == 0 && Findings.Count > 0 && Findings.All(f => f.IsClean);
}
