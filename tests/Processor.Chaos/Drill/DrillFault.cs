using Stockflow.Chaos.Faults;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Drill;

/// <summary>What a drill has at hand.</summary>
internal sealed record Stage(World World, ShopLoad Shop)
{
    /// <summary>The one processor.</summary>
    public ProcessorInstance Processor => World.Processors[0];
}

/// <summary>An alert, what is done to make it fire, and what ends it.</summary>
internal sealed record DrillFault(string Alert, string Cause, Func<Stage, Task> CauseAsync, string Mend, Func<Stage, Task> MendAsync)
{
    /// <summary>Which of an SLO's rules: of the others the windows are too long to see them end.</summary>
    public string Window { get; init; } = "";

    private static readonly (string, Func<Stage, Task>, string, Func<Stage, Task>)
        NoRedis = ("SIGKILL to Redis", Do(s => s.World.Redis.Kill()), "Redis starts again with its append-only file", s => s.World.Redis.StartAsync()),
        NoClickHouse = ("SIGKILL to ClickHouse", Do(s => s.World.ClickHouse.Kill()), "ClickHouse starts again", s => s.World.ClickHouse.StartAsync()),
        NoKafka = ("all brokers go down", s => s.World.Kafka.CommandAsync("down all"), "the brokers come back", s => s.World.Kafka.CommandAsync("up all")),
        SilentRedis = ("Redis answers no more, its connections stay open", Do(s => s.Processor.Redis.IsStalled = true), "Redis answers again", Do(s => s.Processor.Redis.IsStalled = false));

    public static readonly DrillFault[] All =
    [
        new("StockflowDeadLetterRate", "half of the records are no Avro", Do(s => s.Shop.HasBrokenRecords = true), "the source sends good records only", Do(s => s.Shop.HasBrokenRecords = false)),
        new("StockflowDuplicateSurge", "a source sends each event three times", Do(s => s.Shop.Copies = 3), "it sends each once", Do(s => s.Shop.Copies = 1)),
        new("StockflowNegativeStockSurge", "a shop sells what it does not have", Do(s => s.Shop.Oversells = true), "it sells what it has", Do(s => s.Shop.Oversells = false)),
        Of("StockflowClickHouseDown", NoClickHouse),
        Of("StockflowHistoryGapGrowing", NoClickHouse),
        Of("StockflowRedisDown", NoRedis),
        Of("StockflowNotReady", NoRedis),
        Of("StockflowAtpAvailabilityBudgetBurn", NoRedis) with { Window = "1h" },
        Of("StockflowLaneStuck", SilentRedis),
        Of("StockflowLagGrowing", SilentRedis),
        Of("StockflowKafkaDown", NoKafka),
        new("StockflowNothingScraped", "the processor is killed and stays away", Do(s => s.Processor.Kill(null)), "it is started again", Do(s => s.Processor.Want())),
        new("StockflowTargetDown", "SIGSTOP to the processor", Do(s => s.Processor.Pause()), "SIGCONT", Do(s => s.Processor.Continue())),
    ];

    private static DrillFault Of(string alert, (string Cause, Func<Stage, Task> CauseAsync, string Mend, Func<Stage, Task> MendAsync) fault) =>
        new(alert, fault.Cause, fault.CauseAsync, fault.Mend, fault.MendAsync);

    private static Func<Stage, Task> Do(Action<Stage> act) => stage =>
    {
        act(stage);
        return Task.CompletedTask;
    };
}
