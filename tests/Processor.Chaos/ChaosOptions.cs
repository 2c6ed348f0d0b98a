using System.Globalization;

namespace Stockflow.Chaos;

/// <summary>What the command line asks for.</summary>
internal sealed record ChaosOptions
{
    public const string Help = """
        chaos: breaks real processes by a seed and recounts what they did.

          --seed N                 the seed of one run; default 1
          --seeds A..B             one run after another, a summary line each
          --minutes M              length of the load of a run; default 1, fractions allowed
          --events-per-second R    load; default 3000
          --partitions P           partitions of the topic; default 12, more when a run would not fit the listener's 5 MiB a partition
          --faults NAME,NAME       only faults whose name begins with one of these; default all
          --settle-seconds S       longest wait for the processors to finish after the load; default 120
          --sabotage WHAT,WHAT     tamper with one position, ledger, raw-event or dead-letter before the check: it must fail
          --keep                   keep the servers' logs of runs that pass too
          --processor PATH         the processor's executable; default processor/bin/Release/net10.0/processor

        Exit codes: 0 nothing lost, duplicated or wrong; 1 something was, or a run did not finish; 2 wrong usage.
        """;

    public long FirstSeed { get; init; } = 1;

    public long LastSeed { get; init; } = 1;

    public double Minutes { get; init; } = 1;

    public int EventsPerSecond { get; init; } = 3000;

    /// <summary>0 for as many as the run needs, 12 at least.</summary>
    public int Partitions { get; init; }

    public IReadOnlyList<string> Faults { get; init; } = [];

    public int SettleSeconds { get; init; } = 120;

    public IReadOnlyList<string> Sabotage { get; init; } = [];

    public bool Keep { get; init; }

    public string Processor { get; init; } = "";

    public TimeSpan LoadTime => TimeSpan.FromMinutes(Minutes);

    /// <exception cref="FormatException">An argument can not be used; the message is for people.</exception>
    public static ChaosOptions Parse(string[] arguments)
    {
        var options = new ChaosOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i];
            if (name == "--keep")
            {
                options = options with { Keep = true };
                continue;
            }

            var value = i + 1 < arguments.Length ? arguments[++i] : throw new FormatException($"{name} needs a value.");
            options = name switch
            {
                "--seed" => options with { FirstSeed = Long(name, value), LastSeed = Long(name, value) },
                "--seeds" => options with { FirstSeed = Range(value).First, LastSeed = Range(value).Last },
                "--minutes" => options with { Minutes = Number(name, value, 0.1, 60) },
                "--events-per-second" => options with { EventsPerSecond = (int)Number(name, value, 1, 50_000) },
                "--partitions" => options with { Partitions = (int)Number(name, value, 1, 256) },
                "--faults" => options with { Faults = List(value) },
                "--settle-seconds" => options with { SettleSeconds = (int)Number(name, value, 1, 3600) },
                "--sabotage" => options with { Sabotage = List(value).All(Sabotages.Contains) ? List(value) : throw new FormatException($"--sabotage takes {string.Join(", ", Sabotages)}.") },
                "--processor" => options with { Processor = value },
                _ => throw new FormatException($"'{name}' is no option of chaos; see --help."),
            };
        }

        return options with { Processor = FindProcessor(options.Processor) };
    }

    private static readonly string[] Sabotages = ["position", "ledger", "raw-event", "dead-letter"];

    private static string FindProcessor(string named)
    {
        if (named.Length > 0)
        {
            return File.Exists(named) ? Path.GetFullPath(named) : throw new FormatException($"--processor: there is no file {named}.");
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "processor", "bin", "Release", "net10.0", "processor");
            if (File.Exists(path))
            {
                return path;
            }
        }

        throw new FormatException("The processor is not built: run 'dotnet build -c Release processor/Processor.csproj', or name it with --processor.");
    }

    private static string[] List(string value) => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static long Long(string name, string value) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"{name}: '{value}' is no whole number.");

    private static double Number(string name, string value, double least, double most) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{name}: '{value}' is no number from {least} to {most}."));

    private static (long First, long Last) Range(string value)
    {
        var at = value.IndexOf("..", StringComparison.Ordinal);
        var (first, last) = at < 0 ? (Long("--seeds", value), Long("--seeds", value)) : (Long("--seeds", value[..at]), Long("--seeds", value[(at + 2)..]));
        return last >= first ? (first, last) : throw new FormatException("--seeds: A..B with B not below A.");
    }
}
