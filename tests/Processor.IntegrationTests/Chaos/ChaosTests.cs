using System.Text.RegularExpressions;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Chaos;

/// <summary>Runs alone: a machine that others keep busy would only make the faults fewer.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ChaosCollection
{
    public const string Name = "Chaos";
}

/// <summary>Short runs of the chaos harness, which shares no code with the processor and is started as a program.</summary>
[Collection(ChaosCollection.Name)]
public sealed partial class ChaosTests
{
    private static readonly string[] Rows = ["positions", "ledger", "raw events", "dead letters"];

    [Theory]
    [InlineData(1, "processor-kill,processor-pause,redis-tail-loss,kafka-down,clickhouse-kill")]
    [InlineData(2, "processor-stop,processor-scale,redis-pause,redis-cut,kafka-leader,kafka-errors,clickhouse-cut")]
    [InlineData(3, "")]
    public async Task Nothing_is_lost_duplicated_or_wrong(int seed, string faults)
    {
        var (exitCode, output) = await ChaosProgram.RunAsync(
            ["--processor", ServerProcess.Processor, "--seed", $"{seed}", "--minutes", "0.2", "--events-per-second", "1500", .. faults.Length > 0 ? (string[])["--faults", faults] : []]);
        Assert.True(exitCode == 0, output);
        Assert.All(Rows, row => Assert.Equal((0, 0, 0), Counts(output, row)));
        Assert.True(int.Parse(FaultCount().Match(output).Groups["count"].Value, System.Globalization.CultureInfo.InvariantCulture) > 3, output);
    }

    [Fact]
    public async Task The_check_fails_when_one_value_of_each_kind_is_tampered_with()
    {
        var (exitCode, output) = await ChaosProgram.RunAsync(
            ["--processor", ServerProcess.Processor, "--seed", "4", "--minutes", "0.1", "--events-per-second", "1000", "--faults", "redis-script-flush", "--sabotage", "position,ledger,raw-event,dead-letter"]);
        Assert.True(exitCode == 1, output);
        Assert.All(Rows, row => Assert.Equal((0, 0, 1), Counts(output, row)));
        Assert.Contains("run it again: ./eng/chaos --seed 4", output, StringComparison.Ordinal);
        var folder = LogFolder().Match(output).Groups["folder"].Value;
        Assert.True(File.Exists(Path.Combine(folder, "kafka.log")), output);
        Directory.Delete(folder, recursive: true);
    }

    private static (int Lost, int Duplicated, int Wrong) Counts(string output, string row)
    {
        var match = Regex.Match(output, $@"^  {row} +[\d,]+ +(?<lost>[\d,]+) +(?<duplicated>[\d,]+) +(?<wrong>[\d,]+)", RegexOptions.Multiline);
        Assert.True(match.Success, output);
        return (Number("lost"), Number("duplicated"), Number("wrong"));

        int Number(string group) => int.Parse(match.Groups[group].Value.Replace(",", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"(?<count>\d+) faults injected")]
    private static partial Regex FaultCount();

    [GeneratedRegex(@"the servers' logs: (?<folder>\S+)")]
    private static partial Regex LogFolder();
}
