using System.CommandLine;
using Stockflow.Benchmarks;

var benchmarks = new (string Name, Func<BenchmarkOptions, Report, CancellationToken, Task> Run)[]
{
    ("consume", ConsumeBenchmark.RunAsync),
    ("decode", DecodeBenchmark.RunAsync),
    ("dedupe", DedupeBenchmark.RunAsync),
    ("commit", CommitBenchmark.RunAsync),
    ("ledger", LedgerBenchmark.RunAsync),
    ("pipeline", PipelineBenchmark.RunAsync),
    ("rates", RateBenchmark.RunAsync),
    ("atp", AtpBenchmark.RunAsync),
    ("memory", MemoryBenchmark.RunAsync),
    ("growth", GrowthBenchmark.RunAsync),
    ("recovery", RecoveryBenchmark.RunAsync),
};
var defaults = new BenchmarkOptions();
var names = new Argument<string[]>("name") { Description = "Benchmarks to run; all without a name.", Arity = ArgumentArity.ZeroOrMore };
names.AcceptOnlyFromAmong([.. benchmarks.Select(benchmark => benchmark.Name)]);
var events = new Option<long>("--events") { Description = "Events of the load; what warms a whole pipeline up comes on top.", HelpName = "n", DefaultValueFactory = _ => defaults.Events };
var partitions = new Option<int>("--partitions") { Description = "Partitions of the topic.", HelpName = "n", DefaultValueFactory = _ => defaults.Partitions };
var rounds = new Option<int>("--rounds") { Description = "Timed rounds; the median counts.", HelpName = "n", DefaultValueFactory = _ => defaults.Rounds };
var skus = new Option<int>("--skus") { Description = "Stock keeping units.", HelpName = "n", DefaultValueFactory = _ => defaults.Skus };
var locations = new Option<int>("--locations") { Description = "Stores and distribution centres.", HelpName = "n", DefaultValueFactory = _ => defaults.Locations };
var rates = new Option<double[]>("--rates") { Description = "Events a second of the runs at fixed rates.", HelpName = "n", Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [.. defaults.Rates] };
var rateSeconds = new Option<int>("--rate-seconds") { Description = "Time that each rate is measured for.", HelpName = "n", DefaultValueFactory = _ => defaults.RateSeconds };
var output = new Option<string?>("--out") { Description = "File that gets the table too.", HelpName = "file" };
var command = new RootCommand("""
    Measures the processor on this machine and prints a Markdown table; progress goes to standard error.
    Each benchmark runs the limit, the naive design and ours in one run. All of them take under 15 minutes on two cores.
    A run with a wrong result has no figures. Exit codes: 0 measured, 1 a result was wrong or a server failed, 2 wrong usage.

    Examples:
      eng/bench --out bench.md
      eng/bench pipeline --events 2000000 --partitions 128
      eng/bench decode dedupe --rounds 7
      eng/bench rates --rates 183000 --rate-seconds 300
      eng/bench outage --minutes 5 --sink clickhouse
      eng/bench asof --rows 10000000
      eng/bench close --hour-rows 10000000
    """)
{
    names, events, partitions, rounds, skus, locations, rates, rateSeconds, output,
};
command.Subcommands.Add(OutageCommand.Create());
command.Subcommands.Add(AsOfBenchmark.Create());
command.Subcommands.Add(CloseBenchmark.Create());
command.Subcommands.Add(PeerCommand.Create());
command.Subcommands.Add(LoadProcess.CreateCommand());
command.Subcommands.Add(LedgerEmbedded.Create());
command.SetAction((parsed, token) => Guard.RunAsync(async () =>
{
    var options = new BenchmarkOptions
    {
        Events = parsed.GetValue(events),
        Partitions = parsed.GetValue(partitions),
        Rounds = parsed.GetValue(rounds),
        Skus = parsed.GetValue(skus),
        Locations = parsed.GetValue(locations),
        Rates = parsed.GetValue(rates)!,
        RateSeconds = parsed.GetValue(rateSeconds),
    };
    options.Validate();
    var chosen = parsed.GetValue(names) is { Length: > 0 } some ? some : [.. benchmarks.Select(benchmark => benchmark.Name)];
    var report = new Report(options);
    foreach (var (name, run) in benchmarks.Where(benchmark => chosen.Contains(benchmark.Name)))
    {
        await run(options, report, token);
    }

    await Console.Out.WriteLineAsync(report.ToString());
    if (parsed.GetValue(output) is { } file)
    {
        await File.WriteAllTextAsync(file, report.ToString(), token);
    }
}));
var parse = command.Parse(args);
var code = await parse.InvokeAsync();
return parse.Errors.Count > 0 ? 2 : code;
