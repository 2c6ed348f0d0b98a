using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>What happens to processors.</summary>
internal static class ProcessorFaults
{
    public static readonly Fault[] All =
    [
        new("processor-kill", (world, random) =>
        {
            var victim = random.Pick(world.Wanted);
            var wait = random.Seconds(0.1, 2.5);
            world.Journal.Fault("processor-kill", $"SIGKILL to processor {victim.Number}; it starts again after {wait.TotalSeconds:0.0} s");
            victim.Kill(wait);
            return Task.Delay(wait);
        }),
        new("processor-kill-all", (world, random) =>
        {
            var wait = random.Seconds(0.1, 2);
            world.Journal.Fault("processor-kill-all", $"SIGKILL to all {world.Wanted.Count} processors; they start again after {wait.TotalSeconds:0.0} s");
            foreach (var victim in world.Wanted)
            {
                victim.Kill(wait);
            }

            return Task.Delay(wait);
        }),
        new("processor-pause", async (world, random) =>
        {
            var victim = random.Pick(world.Wanted);
            var wait = world.SessionTimeout + random.Seconds(0.5, 2.5);
            world.Journal.Fault("processor-pause", $"SIGSTOP to processor {victim.Number}; SIGCONT after {wait.TotalSeconds:0.0} s (session timeout {world.SessionTimeout.TotalSeconds:0.0} s)");
            victim.Pause();
            await Task.Delay(wait);
            victim.Continue();
        }),
        new("processor-stop", async (world, random) =>
        {
            var victim = random.Pick(world.Wanted);
            var wait = random.Seconds(0, 2);
            world.Journal.Fault("processor-stop", $"SIGTERM to processor {victim.Number}; it starts again {wait.TotalSeconds:0.0} s after its end");
            await victim.StopAsync(wait);
            await Task.Delay(wait);
        }),
        new("processor-scale", async (world, random) =>
        {
            var now = world.Wanted.Count;
            var target = now == 1 ? World.MostProcessors : now == World.MostProcessors ? 1 : random.Chance(0.5) ? World.MostProcessors : 1;
            var gracefully = random.Chance(0.7);
            world.Journal.Fault("processor-scale", $"from {now} to {target}{(target > now ? "" : gracefully ? " by SIGTERM" : " by SIGKILL")}");
            if (target > now)
            {
                foreach (var joining in world.Processors.Where(p => !p.IsWanted))
                {
                    joining.Want();
                }
            }
            else
            {
                await Task.WhenAll(world.Wanted.Skip(target).Select(leaving => LeaveAsync(leaving, gracefully)));
            }

            await Task.Delay(random.Seconds(1, 3));
        }),
    ];

    private static Task LeaveAsync(ProcessorInstance leaving, bool gracefully)
    {
        if (gracefully)
        {
            return leaving.StopAsync(restart: null);
        }

        leaving.Kill(restart: null);
        return Task.CompletedTask;
    }
}
