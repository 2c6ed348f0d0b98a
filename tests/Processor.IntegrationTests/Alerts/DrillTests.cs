using Stockflow.IntegrationTests.Chaos;
using Xunit;

namespace Stockflow.IntegrationTests.Alerts;

/// <summary>Runs alone: its rules count in seconds.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class DrillCollection
{
    public const string Name = "Drill";
}

/// <summary>Alerts fire for real: real servers, real faults, Prometheus, Alertmanager and what it sends.</summary>
[Collection(DrillCollection.Name)]
public sealed class DrillTests
{
    [Fact]
    public async Task Alerts_fire_when_something_breaks_and_end_when_it_is_mended()
    {
        string[] drills =
        [
            "StockflowDeadLetterRate,StockflowDuplicateSurge,StockflowNegativeStockSurge,StockflowClickHouseDown",
            "StockflowRedisDown,StockflowNotReady",
            "StockflowNothingScraped",
        ];
        var (code, output) = await ChaosProgram.RunAsync(["drill", .. drills]);
        Assert.True(code == 0, output);
        Assert.All(drills.SelectMany(group => group.Split(',')), alert =>
        {
            int quiet = Place($"{alert}: quiet"), firing = Place($"{alert}: FIRING"), runbook = Place($"| # {alert}"), resolved = Place($"{alert}: RESOLVED");
            Assert.True(0 < quiet && quiet < firing && firing < runbook && runbook < resolved, output);
        });

        int Place(string text) => output.IndexOf(text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_alerts_of_the_rules_are_drilled()
    {
        var (_, output) = await ChaosProgram.RunAsync(["drill", "--list"]);
        var names = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]).ToArray();
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains(AlertFiles.Alerts, rule => rule.Alert == name));
        Assert.Equal(2, (await ChaosProgram.RunAsync(["drill", "StockflowNoSuchAlert"])).ExitCode);
    }
}
