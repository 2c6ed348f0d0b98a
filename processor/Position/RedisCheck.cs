using System.Globalization;
using StackExchange.Redis;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Position;

/// <summary>
/// Whether a Redis can keep what it is given. A managed Redis may forbid CONFIG or INFO; what they would have told is then its operators' to know.
/// </summary>
internal static class RedisCheck
{
    /// <summary>Share of maxmemory from which on the start warns.</summary>
    private const double FullFrom = 0.9;

    /// <exception cref="SetupException">It would forget keys, or it is full.</exception>
    public static async Task RunAsync(IDatabase db, string name, ILogger? logger)
    {
        if (await SettingAsync(db, "maxmemory-policy") is { } value && value != "noeviction")
        {
            throw new SetupException($"Redis at {name} has maxmemory-policy {value}: it would forget positions silently. Set it to noeviction.");
        }

        CheckMemory(name, Fields(await AskAsync(db, "INFO", "memory")), logger);
        if (Fields(await AskAsync(db, "INFO", "persistence")).GetValueOrDefault("aof_enabled") == "0")
        {
            logger?.PositionsNotPersistent(name);
        }
    }

    /// <summary>A setting of Redis; null where it may not be asked.</summary>
    public static async Task<string?> SettingAsync(IDatabase db, string name) =>
        await AskAsync(db, "CONFIG", "GET", name) is { } answer && (RedisValue[])answer! is [_, var value] ? (string?)value : null;

    /// <summary>How full Redis is; of a cluster, one of its servers. Null where it may not be asked.</summary>
    public static async Task<RedisUsage?> UsageAsync(IDatabase db)
    {
        var fields = Fields(await AskAsync(db, "INFO"));
        return fields.Count == 0 ? null : new RedisUsage(Number("used_memory"), Number("maxmemory"), Number("connected_clients"), Number("total_commands_processed"));

        long Number(string field) => long.TryParse(fields.GetValueOrDefault(field), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    internal static void CheckMemory(string name, IReadOnlyDictionary<string, string> memory, ILogger? logger)
    {
        if (!TryNumber("used_memory", out var used) || !TryNumber("maxmemory", out var limit) || limit == 0 || used < limit * FullFrom)
        {
            return;
        }

        if (used >= limit)
        {
            throw new SetupException($"Redis at {name} is full: {Megabytes(used)} of maxmemory {Megabytes(limit)} MB are used and it refuses writes. Raise maxmemory or free memory.");
        }

        logger?.PositionsNearlyFull(name, Megabytes(used), Megabytes(limit));

        bool TryNumber(string field, out long number) =>
            long.TryParse(memory.GetValueOrDefault(field), NumberStyles.None, CultureInfo.InvariantCulture, out number);

        static long Megabytes(long bytes) => bytes >> 20;
    }

    private static async Task<RedisResult?> AskAsync(IDatabase db, string command, params object[] arguments)
    {
        try
        {
            return await RedisConnection.GuardAsync(db, () => db.ExecuteAsync(command, arguments));
        }
        catch (RedisServerException)
        {
            return null;
        }
    }

    private static Dictionary<string, string> Fields(RedisResult? info)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in ((string?)info ?? "").Split('\n', StringSplitOptions.TrimEntries))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                fields[line[..colon]] = line[(colon + 1)..];
            }
        }

        return fields;
    }
}
