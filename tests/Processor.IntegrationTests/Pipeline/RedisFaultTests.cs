using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>A Redis that forgets its scripts, and one whose replica takes over.</summary>
[Collection(FaultsCollection.Name)]
public sealed class RedisFaultTests(SharedClickHouse clickHouse)
{
    private const int Events = 30_000, EventsPerSecond = 6000;

    /// <summary>Why the replica is promoted.</summary>
    public enum FailOver
    {
        MasterDied,
        MasterDiedBeforeItsTailWasCopied,
        MasterHangs,
        MasterBecomesTheReplica,
    }

    [Fact]
    public async Task Scripts_that_are_flushed_under_load_cost_nothing()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var load = servers.Load(91, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync("--kafka.batch-records", "256");
        var sending = load.SendMovementsAsync(count, default);
        for (var flush = 1; flush <= 5; flush++)
        {
            await processor.WaitForAppliedAsync(flush * 4000);
            Assert.Equal("+OK", await servers.Redis.CommandAsync("SCRIPT FLUSH"));
        }

        await sending;
        await processor.WaitForEndAsync(load);
        Assert.DoesNotContain("starts again", processor.Output, StringComparison.Ordinal);
        await FinalState.CheckAsync(servers, count.Result(), deadLettersOnce: true);
    }

    [Theory]
    [InlineData(92, FailOver.MasterDied)]
    [InlineData(93, FailOver.MasterDiedBeforeItsTailWasCopied)]
    [InlineData(94, FailOver.MasterHangs)]
    [InlineData(95, FailOver.MasterBecomesTheReplica)]
    public async Task A_replica_that_is_promoted_is_found_and_lanes_go_on_where_it_stands(int seed, FailOver how)
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await using var replica = await RedisProcess.StartAsync();
        await using var master = servers.Redis;
        await FollowAsync(replica, master.Port);
        using var load = servers.Load(seed, Events, EventsPerSecond);
        await load.SendReferenceAsync(default);
        var count = new IndependentCount(load.Catalog);
        await using var processor = await servers.StartProcessorAsync(
            "--kafka.batch-records", "256", "--positions.connection", $"{master.Endpoint},{replica.Endpoint}");

        // However slow the machine is, there is more to come when the master goes.
        load.SendLimit = _ => 3000;
        var sending = load.SendMovementsAsync(count, default);
        await processor.WaitForAppliedAsync(4000);
        servers.Redis = replica;
        if (how != FailOver.MasterDiedBeforeItsTailWasCopied)
        {
            load.SendLimit = null;
        }

        switch (how)
        {
            case FailOver.MasterBecomesTheReplica:
                await replica.CommandAsync("REPLICAOF NO ONE");
                await master.CommandAsync($"REPLICAOF 127.0.0.1 {replica.Port}");
                break;
            case FailOver.MasterHangs:
                master.Suspend();
                await processor.WaitForLogAsync("waits for the position store");
                await replica.CommandAsync("REPLICAOF NO ONE");
                break;
            case FailOver.MasterDiedBeforeItsTailWasCopied:
                // It stays a replica, of nobody: what the master takes from here on it never sees.
                await replica.CommandAsync("REPLICAOF 127.0.0.1 9");
                var before = await processor.StatusAsync();
                load.SendLimit = null;
                await processor.WaitUntilAsync(status => status.Lanes.Count == PipelineServers.Partitions && status.Lanes.All(lane =>
                    lane.CommittedOffset > before.Lanes.First(l => l.Partition == lane.Partition).PositionOffset + 300));
                goto default;
            default:
                master.Kill();
                await processor.WaitForLogAsync("waits for the position store");
                await replica.CommandAsync("REPLICAOF NO ONE");
                break;
        }

        await sending;
        await processor.WaitForEndAsync(load);
        if (how is FailOver.MasterDied or FailOver.MasterDiedBeforeItsTailWasCopied)
        {
            Assert.Equal(how == FailOver.MasterDiedBeforeItsTailWasCopied, processor.Output.Contains("starts again", StringComparison.Ordinal));
        }

        Assert.Equal(200, await processor.GetAsync("/readyz"));
        await FinalState.CheckAsync(servers, count.Result());
        Assert.Equal(0, await processor.StopAsync());
        Assert.DoesNotContain("did not end", processor.Output, StringComparison.Ordinal);
        Assert.Equal(Progress.Ends(load), await servers.NextOffsetsAsync());
    }

    private static async Task FollowAsync(RedisProcess replica, int master)
    {
        await replica.CommandAsync($"REPLICAOF 127.0.0.1 {master}");
        using var bound = new CancellationTokenSource(ProcessorProcess.Patience);
        while (!await IsInStepAsync(replica))
        {
            await Task.Delay(50, bound.Token);
        }
    }

    // A replica that does not serve stale data answers reads only while it follows its master.
    private static async Task<bool> IsInStepAsync(RedisProcess replica)
    {
        try
        {
            await replica.CommandAsync("CONFIG SET replica-serve-stale-data no");
            await replica.CommandAsync("EXISTS nothing");
            await replica.CommandAsync("CONFIG SET replica-serve-stale-data yes");
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
