using System.Globalization;
using System.Security.Cryptography;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>The Redis side of a rebuild: claims lanes, so that two rebuilds do not fill the same one, and frees generations that nobody uses.</summary>
public sealed class RedisRebuild(PositionOptions options, TimeProvider time, ILogger? logger = null) : IAsyncDisposable
{
    /// <summary>How long a claim outlives a rebuild that dies.</summary>
    private static readonly TimeSpan ClaimTime = TimeSpan.FromSeconds(15), ClaimPoll = TimeSpan.FromSeconds(1);

    private readonly RedisConnection redis = new(options);

    public async Task CheckAsync(CancellationToken token) => await RedisCheck.RunAsync(await redis.OpenAsync(token), options.Connection, logger);

    /// <summary>The number of partitions that the positions were built with, or null where the store has none.</summary>
    public async Task<int?> PartitionsAsync(string topic, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var stored = await RedisConnection.GuardAsync(db, () => db.HashGetAsync($"{options.KeyPrefix}:topology", topic, CommandFlags.DemandMaster));
        return stored.IsNull ? null : (int)stored;
    }

    /// <summary>Starts a lane's next generation. A claim that another rebuild left when it died is waited for.</summary>
    /// <exception cref="SetupException">Another rebuild is at work on the lane.</exception>
    public async Task<LaneGeneration> ClaimAsync(int partition, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var tag = LaneKeys.Tag(options.KeyPrefix, partition);

        // Digits behind the clock, because another rebuild may have begun in the same millisecond.
        var own = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow().ToUnixTimeMilliseconds()}{RandomNumberGenerator.GetInt32(1_000_000_000):D9}");
        var started = time.GetTimestamp();
        while (!await RedisConnection.GuardAsync(db, () => db.StringSetAsync(tag + ":rebuild", own, ClaimTime, When.NotExists)))
        {
            SetupException.ThrowIf(time.GetElapsedTime(started) > ClaimTime * 1.2, $"Partition {partition}: another rebuild is at work on it. Wait for its end.");
            await Task.Delay(ClaimPoll, time, token);
        }

        var former = (string?)await RedisConnection.GuardAsync(db, () => db.StringGetAsync(tag + ":generation", CommandFlags.DemandMaster)) ?? "";
        return new LaneGeneration(db, time, options.KeyPrefix, partition, former, own);
    }

    /// <summary>Keeps a lane's claim until <paramref name="token"/> ends. A claim that is lost shows at the switch.</summary>
    public async Task KeepAsync(LaneGeneration lane, CancellationToken token)
    {
        try
        {
            while (true)
            {
                await Task.Delay(ClaimTime / 5, time, token);
                try
                {
                    await lane.RenewAsync(ClaimTime);
                }
                catch (StoreUnavailableException)
                {
                    // Tried again before the claim ends; the work itself reports a Redis that stays away.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The lane is done.
        }
    }

    /// <summary>Frees every generation that is neither current nor being filled. Returns the number of keys.</summary>
    public async Task<long> SweepAsync(CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        long freed = 0;
        await foreach (var page in RedisConnection.ScanAsync(db, LaneKeys.Pattern(options.KeyPrefix, "*")))
        {
            token.ThrowIfCancellationRequested();
            var used = new Dictionary<int, (string Current, string Claimed)>();
            var unused = new List<string>();
            foreach (var key in page)
            {
                if (!LaneKeys.TryParse((string)key!, out var partition, out var generation, out _))
                {
                    continue;
                }

                if (!used.TryGetValue(partition, out var names))
                {
                    // The claim first: a generation that is switched to between the two reads is seen in one of them.
                    var tag = LaneKeys.Tag(options.KeyPrefix, partition);
                    var claimed = (string?)await RedisConnection.GuardAsync(db, () => db.StringGetAsync(tag + ":rebuild", CommandFlags.DemandMaster)) ?? "";
                    var current = (string?)await RedisConnection.GuardAsync(db, () => db.StringGetAsync(tag + ":generation", CommandFlags.DemandMaster)) ?? "";
                    used[partition] = names = (current, claimed);
                }

                if (generation != names.Current && (generation.Length == 0 || generation != names.Claimed))
                {
                    unused.Add((string)key!);
                }
            }

            await LaneGeneration.UnlinkAsync(db, unused);
            freed += unused.Count;
        }

        return freed;
    }

    /// <summary>Frees every key of the prefix. Returns their number.</summary>
    public async Task<long> DropAsync(CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        long freed = 0;
        await foreach (var page in RedisConnection.ScanAsync(db, LaneKeys.Pattern(options.KeyPrefix, "")))
        {
            token.ThrowIfCancellationRequested();
            await LaneGeneration.UnlinkAsync(db, page.Select(key => (string)key!));
            freed += page.Length;
        }

        await LaneGeneration.UnlinkAsync(db, [options.KeyPrefix + ":topology"]);
        return freed;
    }

    public ValueTask DisposeAsync() => redis.DisposeAsync();
}
