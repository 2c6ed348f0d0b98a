using System.Text;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>Names that stand in every row, as UTF-8.</summary>
internal static class RowNames
{
    private static readonly byte[] TopicName = Encoding.UTF8.GetBytes(Servers.Topic);

    /// <summary>Of movement types, by number.</summary>
    public static readonly byte[][] Types = [.. MovementTypes.Names.Select(Encoding.UTF8.GetBytes)];

    /// <summary>Columns of the ledger, in the order of the writers.</summary>
    public static readonly string[] Ledger =
    [
        "topic", "partition", "offset", "event_id", "event_ts", "ingest_ts", "broker_ts", "recorded_at", "sku_id", "location_id", "movement_type",
        "qty_delta", "counted_qty", "stocked", "source_system", "reference_id", "unit_price", "unit_cost", "currency", "promo_id", "reason",
        "performed_by", "counterpart_location_id", "corrects_event_id", "customer_ref", "attributes",
    ];

    /// <summary>Columns of the raw events, in the order of the writers.</summary>
    public static readonly string[] Raw = ["topic", "partition", "offset", "broker_ts", "recorded_at", "key", "value", "headers", "verdict", "reason", "event_hash", "message"];

    public static ReadOnlySpan<byte> Topic(RecordBatch batch) => batch.Lane.Topic == Servers.Topic ? TopicName : Encoding.UTF8.GetBytes(batch.Lane.Topic);
}
