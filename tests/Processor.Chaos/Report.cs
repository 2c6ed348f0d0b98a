namespace Stockflow.Chaos;

/// <summary>Prints what runs have shown.</summary>
internal static class Report
{
    public static void Show(RunResult result, ChaosOptions options)
    {
        Line("");
        Line($"seed {result.Seed}: {result.Faults} faults injected; {result.Produced:N0} events in the log: {result.Accepted:N0} accepted, {result.Duplicates:N0} duplicates, {result.DeadLetters:N0} broken");
        foreach (var (note, times) in result.Notes.OrderByDescending(n => n.Value))
        {
            Line($"  note ({times}x): {note}");
        }

        if (result.Findings.Count > 0)
        {
            Line($"  {"",-14}{"expected",12}{"lost",10}{"duplicated",12}{"wrong",10}");
        }

        foreach (var finding in result.Findings)
        {
            Line($"  {finding.Name,-14}{finding.Expected,12:N0}{finding.Lost,10:N0}{finding.Duplicated,12:N0}{finding.Wrong,10:N0}{(finding.Repeated > 0 ? $"   (repeated: {finding.Repeated:N0})" : "")}");
            finding.Examples.ForEach(example => Line("    " + example));
        }

        if (result.Problem.Length > 0)
        {
            Line($"  not finished: {result.Problem}");
        }

        Line($"seed {result.Seed}: {(result.IsClean ? "PASS" : "FAIL")} in {result.Took.TotalSeconds:0} s");
        if (!result.IsClean)
        {
            Line($"  run it again: ./eng/chaos --seed {result.Seed} --minutes {options.Minutes} --events-per-second {options.EventsPerSecond}"
                + (options.Partitions > 0 ? $" --partitions {options.Partitions}" : "")
                + (options.Faults.Count > 0 ? $" --faults {string.Join(',', options.Faults)}" : "")
                + (options.Sabotage.Count > 0 ? $" --sabotage {string.Join(',', options.Sabotage)}" : ""));
        }

        if (result.Folder.Length > 0)
        {
            Line($"  the servers' logs: {result.Folder}");
        }

        Line("");
    }

    public static void Summarise(IReadOnlyList<RunResult> results)
    {
        Line($"{"seed",8}{"faults",8}{"events",12}{"lost",8}{"duplicated",12}{"wrong",8}{"repeated",10}{"seconds",9}");
        foreach (var r in results)
        {
            Line($"{r.Seed,8}{r.Faults,8}{r.Produced,12:N0}{r.Findings.Sum(f => f.Lost),8:N0}{r.Findings.Sum(f => f.Duplicated),12:N0}{r.Findings.Sum(f => f.Wrong),8:N0}"
                + $"{r.Findings.Sum(f => f.Repeated),10:N0}{r.Took.TotalSeconds,9:0}  {(r.IsClean ? "pass" : r.Problem.Length > 0 ? "FAIL: " + r.Problem : "FAIL")}");
        }

        Line($"{results.Count(r => r.IsClean)} of {results.Count} seeds passed");
    }

    private static void Line(string line) => Console.WriteLine(line);
}
