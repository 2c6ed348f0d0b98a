using System.Diagnostics;
using System.Globalization;

namespace Stockflow.Simulation;

/// <summary>The command line: many seeds with progress and figures, or one seed with every step.</summary>
internal static class SimulationCommand
{
    private const string Usage = """
        simulate [--seeds N] [--from N] [--mutant NAME]   runs N seeds (1000) from the given one (0) on
        simulate --seed N [--mutant NAME]                 runs one seed and prints every step
        """;

    public static int Run(string[] args)
    {
        int seeds = 1000, from = 0;
        int? one = null;
        var mutant = Mutant.None;
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            switch (args[i])
            {
                case "--seeds" when isNumber:
                    seeds = number;
                    break;
                case "--from" when isNumber:
                    from = number;
                    break;
                case "--seed" when isNumber:
                    one = number;
                    break;
                case "--mutant" when Enum.TryParse(value, ignoreCase: true, out mutant) && Enum.IsDefined(mutant):
                    break;
                default:
                    Console.Error.WriteLine($"error: '{args[i]} {value}' is not understood.\n{Usage}\nMutants: {string.Join(", ", Enum.GetNames<Mutant>())}");
                    return 2;
            }
        }

        return one is { } seed ? Trace(seed, mutant) : Many(from, seeds, mutant);
    }

    private static int Trace(int seed, Mutant mutant)
    {
        var result = Scenario.Run(seed, mutant, Console.Out);
        Console.WriteLine($"seed {seed}: {(result.Failure is null ? "no violation" : "VIOLATION")}");
        return result.Failure is null ? 0 : 1;
    }

    private static int Many(int from, int seeds, Mutant mutant)
    {
        var clock = Stopwatch.StartNew();
        var reported = 0.0;
        var batch = new SeedRun(from, seeds, mutant);
        batch.Run(done =>
        {
            if (clock.Elapsed.TotalSeconds - reported >= 5)
            {
                reported = clock.Elapsed.TotalSeconds;
                Console.WriteLine($"  ... {done} of {seeds} seeds, {reported:F0} s, {batch.Failures.Count} violations");
            }
        });
        foreach (var (name, count) in batch.Figures)
        {
            Console.WriteLine($"{count,14:N0}  {name}");
        }

        foreach (var failure in batch.Failures.Take(20))
        {
            Console.WriteLine($"seed {failure.Seed}: {failure.Failure!.Message}");
        }

        if (batch.Failures.Count > 0)
        {
            Console.WriteLine($"Replay the first with: eng/simulate --seed {batch.Failures[0].Seed}{(mutant == Mutant.None ? "" : $" --mutant {mutant}")}");
        }

        Console.WriteLine($"{seeds} seeds from {from}, {batch.VirtualTime.TotalHours:F0} hours of virtual time in {clock.Elapsed.TotalSeconds:F0} s: {batch.Failures.Count} violations");
        return batch.Failures.Count == 0 ? 0 : 1;
    }
}
