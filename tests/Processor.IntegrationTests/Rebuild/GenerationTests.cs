using System.Text;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

/// <summary>A lane's generations in a real Redis: who may write where, and what readers see.</summary>
public sealed class GenerationTests
{
    private static readonly Dictionary<string, long> Watermarks = new() { ["POS"] = 77 };

    [Fact]
    public async Task The_old_generation_serves_until_the_switch_and_its_owner_is_refused_after_it()
    {
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var owner = new RedisPositionStore(options, TimeProvider.System);
        await using var rebuild = new RedisRebuild(options, TimeProvider.System);
        await owner.PinPartitionsAsync("t", 1, default);
        var lane = await owner.AcquireAsync(0, default);
        Assert.Equal(CommitOutcome.Applied, await owner.CommitAsync(Commit(lane.Epoch, -1, 10, "S", "L", 3), default));
        Assert.Equal(CommitOutcome.Applied, await owner.CommitAsync(Commit(lane.Epoch, 10, 11, "GHOST", "L", 9, revision: 1), default));

        var fresh = await FillAsync(rebuild, next: 8, onHand: 5);
        Assert.Equal(3, (await owner.GetAsync("S", "L", default))!.Value.State.OnHand);
        Assert.Equal(CommitOutcome.Applied, await owner.CommitAsync(Commit(lane.Epoch, 11, 12, "S", "L", 4, revision: 2), default));
        await fresh.SwitchAsync();
        await fresh.SwitchAsync();

        Assert.Equal(5, (await owner.GetAsync("S", "L", default))!.Value.State.OnHand);
        Assert.Equal(5, Assert.Single(await owner.GetAsync("S", default)).State.OnHand);
        Assert.Equal(CommitOutcome.StaleEpoch, await owner.CommitAsync(Commit(lane.Epoch, 12, 13, "S", "L", 99, revision: 3), default));
        var reopened = await owner.AcquireAsync(0, default);
        Assert.True(reopened.Epoch > lane.Epoch);
        Assert.Equal(8, reopened.NextOffset);
        Assert.Equal(Watermarks, reopened.Watermarks);
        Assert.Empty(reopened.Unsettled);
        Assert.Equal(["HELD"], reopened.Held);
        Assert.Equal([new SeenEntry(1, 2), new SeenEntry(2, 7)], await SeenAsync(owner));
        Assert.Equal(CommitOutcome.Applied, await owner.CommitAsync(Commit(reopened.Epoch, 8, 9, "S", "L", 6), default));

        await fresh.UnlinkFormerAsync();
        Assert.True(await rebuild.SweepAsync(default) > 0);
        var all = new List<StockPosition>();
        await foreach (var position in owner.ScanAsync(default))
        {
            all.Add(position);
        }

        Assert.Equal(6, Assert.Single(all).State.OnHand);
        using var connection = await redis.ConnectAsync();
        var keys = connection.Server.Keys().Select(key => (string)key!).ToArray();
        Assert.DoesNotContain(keys, key => key.StartsWith("{inv:0}:sku:", StringComparison.Ordinal) || key == "{inv:0}:lane");
    }

    [Fact]
    public async Task A_rebuild_that_was_overtaken_switches_nothing()
    {
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var store = new RedisPositionStore(options, TimeProvider.System);
        await using var rebuild = new RedisRebuild(options, new OneInstant());
        using var connection = await redis.ConnectAsync();
        var slow = await FillAsync(rebuild, next: 8, onHand: 5);
        connection.Database.KeyDelete("{inv:0}:rebuild");
        var quick = await FillAsync(rebuild, next: 9, onHand: 6);
        await Assert.ThrowsAsync<SetupException>(slow.SwitchAsync);
        await quick.SwitchAsync();
        await Assert.ThrowsAsync<SetupException>(slow.SwitchAsync);
        await slow.DropAsync();

        Assert.Equal(6, (await store.GetAsync("S", "L", default))!.Value.State.OnHand);
        Assert.Equal(9, (await store.AcquireAsync(0, default)).NextOffset);
    }

    [Fact]
    public async Task What_a_dead_rebuild_left_is_freed_and_what_is_used_or_being_filled_stays()
    {
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var store = new RedisPositionStore(options, TimeProvider.System);
        await using var rebuild = new RedisRebuild(options, TimeProvider.System);
        using var connection = await redis.ConnectAsync();
        var lane = await store.AcquireAsync(0, default);
        Assert.Equal(CommitOutcome.Applied, await store.CommitAsync(Commit(lane.Epoch, -1, 10, "S", "L", 3), default));
        await FillAsync(rebuild, next: 8, onHand: 5);
        connection.Database.KeyDelete("{inv:0}:rebuild");
        var filling = await FillAsync(rebuild, next: 8, onHand: 6);

        Assert.True(await rebuild.SweepAsync(default) > 0);
        Assert.Equal(0, await rebuild.SweepAsync(default));
        await filling.VerifyAsync();
        Assert.Equal(CommitOutcome.Applied, await store.CommitAsync(Commit(lane.Epoch, 10, 11, "S", "L", 4, revision: 1), default));
        await filling.SwitchAsync();
        Assert.Equal(6, (await store.GetAsync("S", "L", default))!.Value.State.OnHand);
    }

    [Fact]
    public async Task A_value_that_did_not_reach_Redis_is_found_before_the_switch()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var rebuild = new RedisRebuild(redis.Positions, TimeProvider.System);
        using var connection = await redis.ConnectAsync();
        var fresh = await FillAsync(rebuild, next: 8, onHand: 5);
        await fresh.VerifyAsync();
        var key = Assert.Single(connection.Server.Keys(), key => ((string)key!).EndsWith(":sku:S", StringComparison.Ordinal));
        connection.Database.HashDelete(key, "L");
        Assert.Contains("SKU S has 0 positions instead of 1", (await Assert.ThrowsAsync<SetupException>(fresh.VerifyAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lane_that_is_held_for_repair_is_nobody_elses_until_it_is_released()
    {
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var owner = new RedisPositionStore(options, TimeProvider.System);
        await using var reconcile = new RedisReconcile(options, TimeProvider.System);
        Assert.Null(await reconcile.HoldAsync(0, TimeSpan.FromMinutes(1), default));
        var lane = await owner.AcquireAsync(0, default);
        Assert.Equal(CommitOutcome.Applied, await owner.CommitAsync(Commit(lane.Epoch, -1, 10, "S", "L", 3), default));
        Assert.Equal(CommitOutcome.Applied, await owner.CommitAsync(Commit(lane.Epoch, 10, 11, "S", "GHOST", 3, revision: 1), default));

        var held = (await reconcile.HoldAsync(0, TimeSpan.FromMinutes(1), default))!.Value;
        Assert.Equal(11, held.NextOffset);
        Assert.Null(await reconcile.HoldAsync(0, TimeSpan.FromMinutes(1), default));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => owner.AcquireAsync(0, default));
        Assert.Equal(CommitOutcome.StaleEpoch, await owner.CommitAsync(Commit(lane.Epoch, 11, 12, "S", "L", 99, revision: 2), default));
        PositionRepair[] repairs = [new(new PositionKey("S", "L"), new PositionState { OnHand = 5, Version = 9 }), new(new PositionKey("S", "GHOST"), null)];
        Assert.True(await reconcile.RepairAsync(held, repairs, default));
        await reconcile.ReleaseAsync(held, default);

        Assert.Equal(5, Assert.Single(await owner.GetAsync("S", default)).State.OnHand);
        Assert.Equal(11, (await owner.AcquireAsync(0, default)).NextOffset);
        Assert.False(await reconcile.RepairAsync(held, [new(new PositionKey("S", "L"), null)], default));
        Assert.Equal(5, Assert.Single(await owner.GetAsync("S", default)).State.OnHand);
    }

    private static async Task<LaneGeneration> FillAsync(RedisRebuild rebuild, long next, long onHand)
    {
        var lane = await rebuild.ClaimAsync(0, default);
        await lane.AddAsync(new StockPosition("S", "L", new PositionState { OnHand = onHand, Version = 1 }));
        await lane.AddSeenAsync(3, new SeenEntry(2, 7));
        await lane.AddSeenAsync(3, new SeenEntry(1, 2));
        await lane.CompleteAsync(next, Watermarks, ["HELD"]);
        await lane.VerifyAsync();
        return lane;
    }

    private static async Task<List<SeenEntry>> SeenAsync(RedisPositionStore store)
    {
        var seen = new List<SeenEntry>();
        await foreach (var (bucket, entries) in store.LoadSeenAsync(0, default))
        {
            Assert.Equal(3, bucket);
            seen.AddRange(entries);
        }

        return seen;
    }

    private static LaneCommit Commit(long epoch, long expected, long next, string sku, string location, long onHand, long revision = 0)
    {
        var ids = new IdTable();
        var commit = new LaneCommit { Partition = 0, Epoch = epoch, ExpectedOffset = expected, NextOffset = next, Revision = revision, Ids = ids };
        commit.Positions.Add(new PositionWrite(ids.Intern(Encoding.UTF8.GetBytes(sku)), ids.Intern(Encoding.UTF8.GetBytes(location)),
            new PositionState { OnHand = onHand, Version = 1 }));
        return commit;
    }

    private sealed class OneInstant : TimeProvider
    {
        private readonly DateTimeOffset now = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => now;
    }
}
