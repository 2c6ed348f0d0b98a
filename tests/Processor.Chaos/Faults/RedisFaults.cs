using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>What happens to Redis.</summary>
internal static class RedisFaults
{
    public static readonly Fault[] All =
    [
        new("redis-kill", async (world, random) =>
        {
            var wait = random.Seconds(0.2, 3);
            world.Journal.Fault("redis-kill", $"SIGKILL; it starts again after {wait.TotalSeconds:0.0} s with its append-only file");
            world.Redis.Kill();
            await Task.Delay(wait);
            await world.Redis.StartAsync();
        })
        { Missing = NoFile },
        new("redis-tail-loss", async (world, random) =>
        {
            var wait = random.Seconds(0.2, 1.5);
            world.Redis.Kill();
            var ago = random.Chance(0.8) ? random.Seconds(0.1, 4) : random.Seconds(4, 20);
            var (kept, lost) = world.Redis.LoseTail(ago, random.Below(5000));
            world.Journal.Fault("redis-tail-loss", $"SIGKILL; its append-only file loses the last {ago.TotalSeconds:0.0} s ({lost:N0} of {kept + lost:N0} bytes); it starts again after {wait.TotalSeconds:0.0} s");
            await Task.Delay(wait);
            await world.Redis.StartAsync();
        })
        { Missing = NoFile },
        new("redis-empty", async (world, random) =>
        {
            var wait = random.Seconds(0.2, 1.5);
            world.Journal.Fault("redis-empty", $"SIGKILL without an append-only file; it starts again, empty, after {wait.TotalSeconds:0.0} s{(world.CanRebuild ? ", then 'processor rebuild'" : "; the lanes must read the topic again")}");
            world.Redis.Kill();
            await Task.Delay(wait);
            await world.Redis.StartAsync();
            await Rebuild.RunAsync(world);
        })
        { Missing = world => world.Redis.Durability == RedisDurability.None ? null : "Redis keeps an append-only file in this run", Most = 1 },
        new("redis-flushall", async (world, _) =>
        {
            world.Journal.Fault("redis-flushall", $"FLUSHALL{(world.CanRebuild ? ", then 'processor rebuild'" : "; the lanes must read the topic again")}");
            using (var redis = world.Redis.Connect())
            {
                redis.Call("FLUSHALL");
            }

            await Rebuild.RunAsync(world);
        })
        { Most = 1 },
        new("redis-pause", async (world, random) =>
        {
            var wait = world.RedisTimeout + random.Seconds(0.3, 2);
            world.Journal.Fault("redis-pause", $"SIGSTOP; SIGCONT after {wait.TotalSeconds:0.0} s (the client waits {world.RedisTimeout.TotalSeconds:0.0} s)");
            world.Redis.Pause();
            await Task.Delay(wait);
            world.Redis.Continue();
        }),
        new("redis-script-flush", (world, _) =>
        {
            world.Journal.Fault("redis-script-flush", "SCRIPT FLUSH");
            using var redis = world.Redis.Connect();
            redis.Call("SCRIPT", "FLUSH");
            return Task.CompletedTask;
        }),
        Rebuild.Fault,
        .. NetworkFaults.Of("redis", processor => processor.Redis, world => world.RedisTimeout),
    ];

    private static string? NoFile(World world) => world.Redis.Durability == RedisDurability.None ? "Redis keeps no append-only file in this run" : null;
}
