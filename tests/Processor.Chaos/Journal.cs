using System.Diagnostics;
using System.Globalization;

namespace Stockflow.Chaos;

/// <summary>What a run prints, each line with the seconds since the load began. Safe for all threads.</summary>
internal sealed class Journal
{
    private readonly Lock gate = new();
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Dictionary<string, int> notes = [];

    public TimeSpan Elapsed => clock.Elapsed;

    public int Faults { get; private set; }

    /// <summary>Things that a reader should know and that are no failure of the run, with how often each happened.</summary>
    public IReadOnlyDictionary<string, int> Notes
    {
        get
        {
            lock (gate)
            {
                return new Dictionary<string, int>(notes);
            }
        }
    }

    public void RestartClock() => clock.Restart();

    public void Fault(string name, string what)
    {
        lock (gate)
        {
            Faults++;
        }

        Say($"{name,-24} {what}");
    }

    public void Note(string what)
    {
        lock (gate)
        {
            notes[what] = notes.GetValueOrDefault(what) + 1;
        }
    }

    public void Say(string line)
    {
        lock (gate)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{clock.Elapsed.TotalSeconds,6:0.0}s] {line}"));
        }
    }
}
