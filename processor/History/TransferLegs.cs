using Stockflow.Model;

namespace Stockflow.History;

/// <summary>
/// Counts transfers with open units: per (SKU, document, from, to) the units that the sender reported less those that the receiver did. The look at
/// all transfers reads one thread's worth of a few columns of the last weeks; corrections are taken into account for the SKUs that it finds.
/// </summary>
public sealed class TransferLegs(IClickHouse clickHouse, TransferOptions options)
{
    /// <summary>SKUs that are looked at closely; they travel in the address.</summary>
    private const int MaximumSkus = 500;

    private const string Legs = "movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id != '' AND stocked = 1";

    private const string Ends = """
        if(movement_type = 'TRANSFER_OUT', location_id, counterpart_location_id) AS source, if(movement_type = 'TRANSFER_OUT', counterpart_location_id, location_id) AS target
        """;

    private static readonly string SuspectsSql = $$"""
        SELECT DISTINCT sku_id
        FROM
        (
            SELECT sku_id, {{Ends}}
            FROM ledger
            WHERE {{Legs}} AND event_ts >= {since:DateTime64(3, 'UTC')}
            GROUP BY sku_id, reference_id, source, target
            HAVING sum(qty_delta) != 0 AND min(event_ts) < {old:DateTime64(3, 'UTC')}
        )
        ORDER BY sku_id
        LIMIT {{MaximumSkus}}
        SETTINGS max_threads = 1, max_execution_time = 120, max_bytes_before_external_group_by = 200000000
        """;

    private const string CountSql = $$"""
        SELECT count()
        FROM
        (
            SELECT sku_id, {{Ends}}
            FROM ledger_effective(topic = '', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = [], known_at = '2299-12-31 00:00:00',
                since = {since:DateTime64(3, 'UTC')}, until = '2299-12-31 00:00:00')
            WHERE {{Legs}}
            GROUP BY sku_id, reference_id, source, target
            HAVING sum(qty_delta) != 0 AND min(event_ts) < {old:DateTime64(3, 'UTC')}
        )
        SETTINGS max_threads = 1, max_execution_time = 120
        """;

    /// <summary>Transfers with open units whose first leg is older than the setting, of at most <see cref="MaximumSkus"/> SKUs.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task<long> CountAsync(DateTimeOffset now, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?>
        {
            ["since"] = now.AddDays(-options.LookbackDays),
            ["old"] = now.AddHours(-options.UnmatchedHours),
        };
        var skus = new List<string>();
        await foreach (var row in clickHouse.QueryAsync(SuspectsSql, parameters, token))
        {
            skus.Add(row.Get<string>(0)!);
        }

        if (skus.Count == 0)
        {
            return 0;
        }

        parameters["skus"] = skus;
        return await clickHouse.QueryScalarAsync<long>(CountSql, parameters, token);
    }
}
