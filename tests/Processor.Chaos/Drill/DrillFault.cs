using System.Globalization;
using System.Text;
using Stockflow.Chaos.Faults;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Drill;

/// <summary>What a drill has at hand.</summary>
internal sealed record Stage(World World, ShopLoad Shop)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };

    /// <summary>The one processor.</summary>
    public ProcessorInstance Processor => World.Processors[0];

    /// <summary>Lets a command change stock.</summary>
    public async Task ReserveAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{Processor.Address}/v1/reservations")
        {
            Headers = { { "Idempotency-Key", "drill" } },
            Content = new StringContent($$"""{"reference":{"type":"order","id":"drill"},"lines":[{"sku_id":"{{ShopLoad.Sku(1)}}","location_id":"{{ShopLoad.Location(1)}}","quantity":1}]}""",
                Encoding.UTF8, "application/json"),
        };
        using var answer = await Http.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"The reservation was refused: {await answer.Content.ReadAsStringAsync()}");
        }
    }

    /// <summary>Leaves Redis a tenth of its memory, or sets no limit.</summary>
    public void LimitRedis(bool isLimited)
    {
        using var redis = World.Redis.Connect();
        var used = long.Parse(redis.Text("INFO", "memory")!.Split('\n').First(line => line.StartsWith("used_memory:", StringComparison.Ordinal))[12..], CultureInfo.InvariantCulture);
        redis.Call("CONFIG", "SET", "maxmemory", isLimited ? used * 10 / 9 : 0);
    }

    public void EmptyRedis()
    {
        using var redis = World.Redis.Connect();
        redis.Call("FLUSHALL");
    }
}

/// <summary>An alert, what is done to make it fire, and what ends it.</summary>
internal sealed record DrillFault(string Alert, string Cause, Func<Stage, Task> CauseAsync, string Mend, Func<Stage, Task> MendAsync)
{
    /// <summary>Which of an SLO's rules: of the others the windows are too long to see them end.</summary>
    public string Window { get; init; } = "";

    private static readonly (string Cause, Func<Stage, Task> CauseAsync, string Mend, Func<Stage, Task> MendAsync)
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
        new("StockflowCommandsNotForwarded", "all brokers go down and stock is reserved", async s =>
        {
            await NoKafka.CauseAsync(s);
            await s.ReserveAsync();
        }, NoKafka.Mend, NoKafka.MendAsync),
        new("StockflowAtpLatencyBudgetBurn", "Redis answers 120 ms late", Do(s => s.Processor.Redis.Delay = TimeSpan.FromMilliseconds(60)), "it answers at once", Do(s => s.Processor.Redis.Delay = TimeSpan.Zero)) { Window = "1h" },
        new("StockflowRedisMemoryNearLimit", "Redis is given a limit that it nearly uses", Do(s => s.LimitRedis(true)), "the limit is taken away", Do(s => s.LimitRedis(false))),
        new("StockflowLanesAwaitingRebuild", "FLUSHALL, and positions.autoRebuild is off", Do(s => s.EmptyRedis()), "processor rebuild", s => Rebuild.RunAsync(s.World)),
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
