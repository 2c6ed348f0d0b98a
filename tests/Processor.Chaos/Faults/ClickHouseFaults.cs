using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>What happens to ClickHouse.</summary>
internal static class ClickHouseFaults
{
    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(3);

    public static readonly Fault[] All =
    [
        new("clickhouse-kill", async (world, random) =>
        {
            var wait = random.Seconds(0.2, 4);
            world.Journal.Fault("clickhouse-kill", $"SIGKILL; it starts again after {wait.TotalSeconds:0.0} s");
            world.ClickHouse.Kill();
            await Task.Delay(wait);
            await world.ClickHouse.StartAsync();
        }),
        new("clickhouse-pause", async (world, random) =>
        {
            var wait = random.Seconds(1, 5);
            world.Journal.Fault("clickhouse-pause", $"SIGSTOP; SIGCONT after {wait.TotalSeconds:0.0} s");
            world.ClickHouse.Pause();
            await Task.Delay(wait);
            world.ClickHouse.Continue();
        }),
        new("clickhouse-disk-full", async (world, random) =>
        {
            var wait = random.Seconds(1.5, 4);
            var megabytes = await Task.Run(world.ClickHouse.Disk!.Fill);
            world.Journal.Fault("clickhouse-disk-full", $"its disk is full (ballast of {megabytes} MB) for {wait.TotalSeconds:0.0} s");
            await Task.Delay(wait);
            world.ClickHouse.Disk.Free();
        })
        { Missing = world => world.ClickHouse.Disk is null ? "there is no small disk" : null },
        .. NetworkFaults.Of("clickhouse", processor => processor.ClickHouse, _ => Stall),
    ];
}
