using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>What happens to brokers and to the schema registry. (A partition without a leader is left out: it makes the listener's native code crash.)</summary>
internal static class KafkaFaults
{
    // Requests with the errors that brokers give them (names of Confluent.Kafka's ErrorCode).
    private static readonly (string Api, string[] Errors)[] Answers =
    [
        ("Fetch", ["NotLeaderForPartition", "LeaderNotAvailable", "UnknownTopicOrPart", "Local_Transport", "KafkaStorageError", "RequestTimedOut"]),
        ("OffsetCommit", ["GroupCoordinatorNotAvailable", "NotCoordinatorForGroup", "RequestTimedOut", "RebalanceInProgress", "IllegalGeneration", "UnknownMemberId", "Local_Transport"]),
        ("OffsetFetch", ["NotCoordinatorForGroup", "GroupLoadInProgress", "UnstableOffsetCommit", "Local_Transport"]),
        ("Heartbeat", ["RebalanceInProgress", "UnknownMemberId", "IllegalGeneration", "NotCoordinatorForGroup"]),
        ("JoinGroup", ["GroupCoordinatorNotAvailable", "NotCoordinatorForGroup", "UnknownMemberId", "GroupLoadInProgress"]),
        ("SyncGroup", ["RebalanceInProgress", "UnknownMemberId", "NotCoordinatorForGroup"]),
        ("FindCoordinator", ["GroupCoordinatorNotAvailable", "Local_Transport"]),
        ("ListOffsets", ["NotLeaderForPartition", "LeaderNotAvailable", "Local_Transport"]),
        ("Metadata", ["LeaderNotAvailable", "Local_Transport"]),
        ("Produce", ["NotEnoughReplicas", "NotLeaderForPartition", "RequestTimedOut", "Local_Transport"]),
    ];

    public static readonly Fault[] All =
    [
        new("kafka-down", (world, random) => DownAsync(world, "all", random.Seconds(1, 4))),
        new("kafka-broker-down", (world, random) => DownAsync(world, $"{1 + random.Below(KafkaServer.Brokers)}", random.Seconds(1, 4))),
        new("kafka-leader", async (world, random) =>
        {
            var partitions = Enumerable.Range(0, world.Kafka.Partitions).Where(_ => random.Chance(0.4)).ToList();
            world.Journal.Fault("kafka-leader", $"partitions {string.Join(' ', partitions)} get another leader");
            foreach (var partition in partitions)
            {
                await world.Kafka.CommandAsync($"leader {KafkaServer.Movements} {partition} {1 + random.Below(KafkaServer.Brokers)}");
            }
        }),
        Errors(0), Errors(1), Errors(2), Errors(3), Errors(4), Errors(5), Errors(6), Errors(7), Errors(8), Errors(9),
        new("kafka-storm", async (world, random) =>
        {
            var (api, errors) = random.Pick(Answers);
            var wait = random.Seconds(1.5, 3);
            world.Journal.Fault("kafka-storm", $"most answers to {api} are errors for {wait.TotalSeconds:0.0} s");
            for (var end = DateTime.UtcNow + wait; DateTime.UtcNow < end;)
            {
                await world.Kafka.CommandAsync($"errors {api} {random.Pick(errors)} {random.Pick(errors)}");
                await Task.Delay(50);
            }

            await world.Kafka.CommandAsync($"clear {api}");
        }),
        new("registry-kill", async (world, random) =>
        {
            var wait = random.Seconds(0.5, 4);
            world.Journal.Fault("registry-kill", $"SIGKILL; it starts again after {wait.TotalSeconds:0.0} s");
            world.Registry!.Kill();
            await Task.Delay(wait);
            await world.Registry.StartAsync();
        })
        { Missing = world => world.Registry is null ? "processors read the schemas from their folder in this run" : null },
        new("kafka-slow", async (world, random) =>
        {
            var wait = random.Seconds(1.5, 4);
            var delay = random.Between(30, 400);
            world.Journal.Fault("kafka-slow", $"every answer takes {delay} ms longer for {wait.TotalSeconds:0.0} s");
            await world.Kafka.CommandAsync($"rtt all {delay}");
            await Task.Delay(wait);
            await world.Kafka.CommandAsync("rtt all 0");
        }),
    ];

    /// <summary>Ends everything that may still be wrong.</summary>
    public static async Task HealAsync(World world)
    {
        await world.Kafka.CommandAsync("up all");
        await world.Kafka.CommandAsync("rtt all 0");
        foreach (var (api, _) in Answers)
        {
            await world.Kafka.CommandAsync($"clear {api}");
        }
    }

    private static Fault Errors(int answer)
    {
        var (api, errors) = Answers[answer];
        var name = $"kafka-errors-{api.ToLowerInvariant()}";
        return new Fault(name, async (world, random) =>
        {
            var list = Enumerable.Range(0, 1 + random.Below(8)).Select(_ => random.Pick(errors)).ToList();
            world.Journal.Fault(name, $"the next answers to {api}: {string.Join(' ', list)}");
            await world.Kafka.CommandAsync($"errors {api} {string.Join(' ', list)}");
            await Task.Delay(random.Seconds(0.3, 1));
        });
    }

    private static async Task DownAsync(World world, string broker, TimeSpan wait)
    {
        world.Journal.Fault(broker == "all" ? "kafka-down" : "kafka-broker-down", $"{(broker == "all" ? "all brokers" : "broker " + broker)} down for {wait.TotalSeconds:0.0} s");
        await world.Kafka.CommandAsync($"down {broker}");
        await Task.Delay(wait);
        await world.Kafka.CommandAsync($"up {broker}");
    }
}
