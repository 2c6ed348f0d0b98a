using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary>Looks from time to time at how full the servers are, for the metrics. A server that does not answer is reported by those who need it.</summary>
internal static class ServerWatch
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private const int MaximumTables = 64;

    // No name of the inner query is one of the outer: ClickHouse would put the outer aggregate in its place.
    private static readonly string PartsSql = $"""
        SELECT table, toInt64(sum(each)) AS parts, toInt64(max(each)) AS partition_parts, toInt64(sum(n)) AS rows, toInt64(sum(size)) AS bytes
        FROM
        (
            SELECT table, partition_id, count() AS each, sum(rows) AS n, sum(bytes_on_disk) AS size
            FROM system.parts
            WHERE active AND database = currentDatabase()
            GROUP BY table, partition_id
        )
        GROUP BY table
        ORDER BY table
        LIMIT {MaximumTables}
        """;

    /// <summary>Runs until <paramref name="token"/> ends.</summary>
    public static async Task RunAsync(PositionOptions positions, IClickHouse clickHouse, ProcessorStatus status, TimeProvider time, CancellationToken token)
    {
        await using var redis = positions.Connection == "memory" ? null : new RedisConnection(positions);
        await Watch.RunAsync(async () =>
        {
            try
            {
                status.Redis = redis is null ? null : await RedisCheck.UsageAsync(await redis.OpenAsync(token)) ?? status.Redis;
            }
            catch (StoreUnavailableException)
            {
                // The former figures stand.
            }

            try
            {
                status.Tables = status.Lanes.ContainsKey(0) && status.HistoryConnected ? await TablesAsync(clickHouse, token) : [];
            }
            catch (ClickHouseException)
            {
                status.Tables = [];
            }

            // The first lanes open a moment after the start.
            return status.Tables.Count == 0 ? TimeSpan.FromSeconds(1) : Interval;
        }, time, token);
    }

    private static async Task<IReadOnlyList<TableUsage>> TablesAsync(IClickHouse clickHouse, CancellationToken token)
    {
        var tables = new List<TableUsage>();
        await foreach (var row in clickHouse.QueryAsync(PartsSql, null, token))
        {
            tables.Add(new TableUsage(row.Get<string>(0)!, row.Get<long>(1), row.Get<long>(2), row.Get<long>(3), row.Get<long>(4)));
        }

        return tables;
    }
}
