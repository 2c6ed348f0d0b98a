namespace Stockflow.Simulation;

/// <summary>Many seeds, as many at a time as there are processors; each seed has its thread for itself.</summary>
public sealed class SeedRun(int from, int seeds, Mutant mutant = Mutant.None)
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<int, SimulationResult> failures = [];
    private readonly SortedDictionary<string, long> figures = [];
    private int done;

    /// <summary>Seeds that broke a promise, in order.</summary>
    public IReadOnlyList<SimulationResult> Failures
    {
        get
        {
            lock (gate)
            {
                return [.. failures.Values];
            }
        }
    }

    /// <summary>What happened how often over all seeds.</summary>
    public IReadOnlyDictionary<string, long> Figures => figures;

    /// <summary>Virtual time of all seeds together.</summary>
    public TimeSpan VirtualTime { get; private set; }

    /// <summary>Runs them; <paramref name="progress"/> hears the number done after each.</summary>
    public void Run(Action<int>? progress = null)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(from, from + seeds, options, seed =>
        {
            var result = Scenario.Run(seed, mutant);
            lock (gate)
            {
                Add(result);
                progress?.Invoke(++done);
            }
        });
    }

    private void Add(SimulationResult result)
    {
        VirtualTime += result.Elapsed;
        figures["steps"] = figures.GetValueOrDefault("steps") + result.Steps;
        foreach (var (name, count) in result.Figures)
        {
            figures[name] = figures.GetValueOrDefault(name) + count;
        }

        if (result.Failure is not null)
        {
            failures.Add(result.Seed, result);
        }
    }
}
