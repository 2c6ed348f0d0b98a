using System.Globalization;
using Stockflow.Simulation;
using Xunit;
using Xunit.Abstractions;

namespace Stockflow.Tests.Simulation;

/// <summary>
/// The commit protocol under seeded faults on a virtual clock. More seeds: <c>eng/simulate --seeds 10000</c>, or STOCKFLOW_SIM_SEEDS and
/// STOCKFLOW_SIM_FIRST here; one seed step by step: <c>eng/simulate --seed N</c>.
/// </summary>
public sealed class CommitProtocolTests(ITestOutputHelper output)
{
    [Fact]
    public void No_seed_breaks_a_promise()
    {
        var run = new SeedRun(Setting("STOCKFLOW_SIM_FIRST", 0), Setting("STOCKFLOW_SIM_SEEDS", 2000));
        run.Run();
        foreach (var (figure, count) in run.Figures)
        {
            output.WriteLine($"{count,14:N0}  {figure}");
        }

        Assert.True(run.Failures.Count == 0, string.Join('\n', run.Failures.Select(f => $"seed {f.Seed}: {f.Failure!.Message}")));

        // A run that met no faults proves nothing.
        Assert.All((string[])["crashes", "take-overs", "redis tails lost", "offset commits fenced", "inserts broken off", "commits refused, StaleEpoch",
            "commits refused, OffsetMismatch", "commits found applied", "rebuilds", "gaps read again", "batches left out of the history", "requests that outlived their sender or its patience"], figure => Assert.True(run.Figures[figure] > 0, figure));
    }

    [Theory]
    [InlineData(Mutant.NoOffsetCheck, 500)]
    [InlineData(Mutant.NoEpochCheck, 500)]
    [InlineData(Mutant.CommitBeforeDurable, 500)]
    [InlineData(Mutant.NoNewEpoch, 500)]
    [InlineData(Mutant.NoRecall, 500)]
    [InlineData(Mutant.StartAtCommit, 500)]
    [InlineData(Mutant.UnansweredInsertIsDurable, 500)]
    [InlineData(Mutant.NoGap, 500)]
    [InlineData(Mutant.SkippedIsWritten, 500)]
    [InlineData(Mutant.NoRevision, 2000)]
    public void An_error_in_the_protocol_is_found(Mutant mutant, int seeds)
    {
        for (var seed = 0; seed < seeds; seed++)
        {
            if (Scenario.Run(seed, mutant).Failure is { } failure)
            {
                output.WriteLine($"{mutant}: seed {seed}: {failure.Message}");
                return;
            }
        }

        Assert.Fail($"{mutant} was not found in {seeds} seeds.");
    }

    [Fact]
    public void A_seed_replays_exactly()
    {
        for (var seed = 0; seed < 30; seed++)
        {
            Assert.Equal(Trace(seed), Trace(seed));
        }

        static string Trace(int seed)
        {
            using var trace = new StringWriter();
            Scenario.Run(seed, Mutant.None, trace);
            return trace.ToString();
        }
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
