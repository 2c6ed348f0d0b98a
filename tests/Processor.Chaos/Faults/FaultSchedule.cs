using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>
/// Faults on three tracks that go on at the same time: processors, brokers, stores. Each track deals its kinds from a shuffled deck, so every
/// kind has its turn before one comes again. The seed decides kinds, gaps and every number; only the moments depend on the machine.
/// </summary>
internal sealed class FaultSchedule
{
    private readonly List<(Fault[] Kinds, SeededRandom Random)> tracks;
    private readonly double least, most;

    public FaultSchedule(SeededRandom random, IReadOnlyList<string> only)
    {
        // Between a storm and single faults with time to recover.
        least = 0.2 + (random.Unit() * 1.5);
        most = least + 0.5 + (random.Unit() * 3);
        Fault[][] all = [ProcessorFaults.All, KafkaFaults.All, [.. RedisFaults.All, .. ClickHouseFaults.All]];
        tracks = [.. all.Select(kinds => (kinds.Where(kind => only.Count == 0 || only.Any(name => kind.Name.StartsWith(name, StringComparison.Ordinal))).ToArray(), random.Fork()))];
    }

    public string Pace => $"{least:0.0} to {most:0.0} s";

    public bool IsEmpty => tracks.All(track => track.Kinds.Length == 0);

    /// <summary>Kinds that this run can not cause, with the reason.</summary>
    public IEnumerable<string> Missing(World world) =>
        tracks.SelectMany(track => track.Kinds).Select(kind => (kind.Name, Why: kind.Missing(world))).Where(m => m.Why is not null).Select(m => $"{m.Name}: {m.Why}");

    /// <summary>Injects faults for a time; returns when the last one has ended and everything is put right.</summary>
    public async Task RunAsync(World world, TimeSpan time)
    {
        var end = DateTime.UtcNow + time;
        await Task.WhenAll(tracks.Select(track => Task.Run(() => RunTrackAsync(world, track.Kinds, track.Random, end))));
        await HealAsync(world);
    }

    private async Task RunTrackAsync(World world, Fault[] kinds, SeededRandom random, DateTime end)
    {
        var possible = kinds.Where(kind => kind.Missing(world) is null).ToList();
        var deck = new Queue<Fault>();
        var dealt = new Dictionary<Fault, int>();
        while (possible.Count > 0)
        {
            if (deck.Count == 0)
            {
                random.Shuffle(possible);
                possible.RemoveAll(kind => dealt.GetValueOrDefault(kind) >= kind.Most);
                possible.ForEach(deck.Enqueue);
                continue;
            }

            var fault = deck.Dequeue();
            var own = random.Fork();
            var gap = random.Seconds(least, most);
            if (DateTime.UtcNow + gap >= end)
            {
                return;
            }

            await Task.Delay(gap);
            dealt[fault] = dealt.GetValueOrDefault(fault) + 1;
            await fault.Inject(world, own);
        }
    }

    private static async Task HealAsync(World world)
    {
        await KafkaFaults.HealAsync(world);
        foreach (var processor in world.Processors)
        {
            processor.Redis.Heal();
            processor.ClickHouse.Heal();
            processor.Continue();
        }

        world.Redis.Continue();
        world.ClickHouse.Continue();
        world.Journal.Say("every fault has ended");
    }
}
