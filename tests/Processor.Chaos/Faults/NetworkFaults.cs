using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>What happens between processors and one of their servers, by proxies: to one processor's connection or to all.</summary>
internal static class NetworkFaults
{
    public static IEnumerable<Fault> Of(string server, Func<ProcessorInstance, TcpProxy> proxy, Func<World, TimeSpan> timeout)
    {
        yield return new Fault($"{server}-slow", async (world, random) =>
        {
            var (proxies, whose) = Choose(world, random, proxy);
            var wait = random.Seconds(1.5, 4);
            var delay = TimeSpan.FromMilliseconds(random.Between(5, 150));
            world.Journal.Fault($"{server}-slow", $"{whose}: {delay.TotalMilliseconds:0} ms in each direction for {wait.TotalSeconds:0.0} s");
            proxies.ForEach(p => p.Delay = delay);
            await Task.Delay(wait);
            proxies.ForEach(p => p.Heal());
        });
        yield return new Fault($"{server}-stall", async (world, random) =>
        {
            var (proxies, whose) = Choose(world, random, proxy);
            var wait = timeout(world) + random.Seconds(-1, 2);
            world.Journal.Fault($"{server}-stall", $"{whose}: nothing passes for {wait.TotalSeconds:0.0} s");
            proxies.ForEach(p => p.IsStalled = true);
            await Task.Delay(wait);
            proxies.ForEach(p => p.Heal());
        });
        yield return new Fault($"{server}-cut", async (world, random) =>
        {
            var (proxies, whose) = Choose(world, random, proxy);
            var wait = random.Chance(0.5) ? TimeSpan.Zero : random.Seconds(0.5, 3);
            world.Journal.Fault($"{server}-cut", $"{whose}: connections are cut, and refused for {wait.TotalSeconds:0.0} s");
            proxies.ForEach(p => p.IsRefusing = true);
            proxies.ForEach(p => p.Cut());
            await Task.Delay(wait);
            proxies.ForEach(p => p.Heal());
        });
        yield return new Fault($"{server}-cut-answers", async (world, random) =>
        {
            var (proxies, whose) = Choose(world, random, proxy);
            var count = 1 + random.Below(6);
            world.Journal.Fault($"{server}-cut-answers", $"{whose}: the next {count} answers are cut in their middle");
            proxies.ForEach(p => p.CutAnswers(count));
            await Task.Delay(random.Seconds(1, 3));
            proxies.ForEach(p => p.Heal());
        });
    }

    private static (List<TcpProxy> Proxies, string Whose) Choose(World world, SeededRandom random, Func<ProcessorInstance, TcpProxy> proxy)
    {
        if (random.Chance(0.5))
        {
            return ([.. world.Processors.Select(proxy)], "all processors");
        }

        var one = random.Pick(world.Processors);
        return ([proxy(one)], $"processor {one.Number}");
    }
}
