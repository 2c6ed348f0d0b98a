using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>Runs 'processor rebuild' the way its help says, while the processors go on: its dying and being run again must be harmless.</summary>
internal static class Rebuild
{
    private const int MostTries = 6;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static readonly Fault Fault = new("rebuild", async (world, random) =>
    {
        if (!random.Chance(0.4))
        {
            world.Journal.Fault("rebuild", "'processor rebuild' of a Redis that has lost nothing");
            await RunAsync(world);
            return;
        }

        var wait = random.Seconds(0.4, 2);
        world.Journal.Fault("rebuild", $"'processor rebuild', killed after {wait.TotalSeconds:0.0} s");
        using var doomed = Start(world);
        await doomed.WaitForExitAsync(wait);
        doomed.Kill();
    })
    { Missing = world => world.CanRebuild ? null : "this processor has no 'rebuild'" };

    /// <summary>Rebuilds until it succeeds: brokers may be down, or the group busy.</summary>
    public static async Task RunAsync(World world)
    {
        for (var attempt = 1; world.CanRebuild && attempt <= MostTries; attempt++)
        {
            using var rebuild = Start(world);
            if (!await rebuild.WaitForExitAsync(Patience))
            {
                world.Journal.Note($"'processor rebuild' did not end within {Patience.TotalSeconds:0} s and was killed");
                rebuild.Kill();
                return;
            }

            if (rebuild.ExitCode == 0)
            {
                world.Journal.Say($"{"",-24} {rebuild.LastLine}");
                return;
            }

            world.Journal.Say($"{"",-24} rebuild, attempt {attempt}, ended with exit code {rebuild.ExitCode}: {rebuild.LastLine}");
            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Whether the program knows the command.</summary>
    public static async Task<bool> IsKnownAsync(string processor, string folder)
    {
        using var help = ServerProcess.Start(Path.Combine(folder, "rebuild.log"), processor, ["rebuild", "--help"]);
        try
        {
            await help.WaitForLineAsync("processor rebuild [options]", Patience);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static ServerProcess Start(World world) => ServerProcess.Start(Path.Combine(world.Folder, "rebuild.log"), world.Processor,
    [
        "rebuild", "--kafka.bootstrap-servers", world.Kafka.Bootstrap, "--positions.connection", $"127.0.0.1:{world.Redis.Port}",
        "--clickhouse.url", $"http://127.0.0.1:{world.ClickHouse.Port}", "--clickhouse.database", ClickHouseServer.Database,
    ]);
}
