using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Position;

public sealed class RedisConnectionTests
{
    /// <summary>A connection is made anew at each attempt while Redis hangs, so each must end wholly.</summary>
    [Fact]
    public async Task Closed_connections_leave_no_threads_behind()
    {
        await using var redis = await RedisProcess.StartAsync();
        var before = Writers();
        for (var i = 0; i < 30; i++)
        {
            await using var store = new RedisPositionStore(redis.Positions, TimeProvider.System);
            await store.CheckAsync(default);
        }

        // Other tests have connections too, but not so many at once; and a thread takes a moment to end.
        using var bound = new CancellationTokenSource(ProcessorProcess.Patience);
        while (Writers() > before + 15)
        {
            await Task.Delay(50, bound.Token);
        }
    }

    private static int Writers() => Directory.GetDirectories("/proc/self/task").Count(thread => Name(thread) == "stockflow:Write\n");

    private static string? Name(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm"));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
