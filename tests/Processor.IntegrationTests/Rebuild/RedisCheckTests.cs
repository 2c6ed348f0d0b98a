using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

/// <summary>What the start says of a Redis that can not keep what it is given.</summary>
public sealed class RedisCheckTests
{
    [Fact]
    public async Task A_Redis_that_evicts_or_is_full_is_refused_with_figures()
    {
        Assert.Contains("allkeys-lru", await ProblemAsync("--maxmemory-policy", "allkeys-lru"), StringComparison.Ordinal);
        Assert.Matches("[0-9]+ of maxmemory 0 MB are used", await ProblemAsync("--maxmemory", "200kb"));
    }

    [Fact]
    public async Task A_Redis_that_forbids_the_questions_is_taken_as_it_is() =>
        Assert.Null(await ProblemAsync("--rename-command", "CONFIG", "", "--rename-command", "INFO", "hidden"));

    private static async Task<string?> ProblemAsync(params string[] arguments)
    {
        await using var redis = await RedisProcess.StartAsync(new RedisProcessOptions { Arguments = arguments });
        await using var store = new RedisPositionStore(redis.Positions, TimeProvider.System);
        return (await Record.ExceptionAsync(() => store.CheckAsync(default)) as SetupException)?.Message;
    }
}
