using Stockflow.Chaos;
using Stockflow.Chaos.Drill;

if (args is ["drill", .. var alerts])
{
    return await DrillRun.RunAsync(alerts);
}

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine(ChaosOptions.Help);
    return 0;
}

ChaosOptions options;
try
{
    options = ChaosOptions.Parse(args);
}
catch (FormatException wrong)
{
    Console.Error.WriteLine("chaos: " + wrong.Message);
    return 2;
}

var results = new List<RunResult>();
for (var seed = options.FirstSeed; seed <= options.LastSeed; seed++)
{
    var result = await new ChaosRun(options, seed).RunAsync();
    Report.Show(result, options);
    results.Add(result);
}

if (results.Count > 1)
{
    Report.Summarise(results);
}

return results.All(result => result.IsClean) ? 0 : 1;
