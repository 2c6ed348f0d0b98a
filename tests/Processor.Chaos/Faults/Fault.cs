namespace Stockflow.Chaos.Faults;

/// <summary>A kind of fault. Faults of one track never overlap; those of different tracks do.</summary>
/// <param name="Name">Its name on the command line and in what is printed.</param>
/// <param name="Inject">Causes it, says so, and ends it before it returns.</param>
internal sealed record Fault(string Name, Func<World, SeededRandom, Task> Inject)
{
    /// <summary>Why it can not be caused in this run, or null.</summary>
    public Func<World, string?> Missing { get; init; } = _ => null;

    /// <summary>At most this often in a run.</summary>
    public int Most { get; init; } = int.MaxValue;
}
