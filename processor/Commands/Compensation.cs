using System.Globalization;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>
/// A correction that takes back what a duplicate did, at its event time and wherever it did it: to the positions it is as if the duplicate had
/// not been there.
/// </summary>
internal sealed record Compensation(string EventId, string LocationId, long QtyDelta)
{
    public const string Reason = "DUPLICATE_EVENT", PerformedBy = "stockflow-reconciler";

    /// <summary>
    /// The compensation of a duplicate; null for a count and for a correction, which change nothing the second time. Its id follows from the
    /// duplicate's place in the log, so sending it again changes nothing.
    /// </summary>
    public static Compensation? Of(string topic, LedgerFact duplicate)
    {
        if (duplicate.Type is MovementType.CycleCount or MovementType.Correction or MovementType.Unknown || duplicate.QtyDelta == 0)
        {
            return null;
        }

        var place = string.Create(CultureInfo.InvariantCulture, $"{topic}\0{duplicate.Partition}\0{duplicate.Offset}\0{duplicate.EventId}");
        var id = string.Create(CultureInfo.InvariantCulture, $"reconcile-{SipHash128.Hash(Encoding.UTF8.GetBytes(place)):x32}");
        return new Compensation(id, duplicate.LocationId, -duplicate.QtyDelta);
    }

    /// <summary>The correction as a movement, by the schema's field names.</summary>
    public Dictionary<string, object?> Fields(LedgerFact duplicate, string runId, long nowTs) => new(StringComparer.Ordinal)
    {
        ["event_id"] = EventId,
        ["event_ts"] = duplicate.EventTs,
        ["ingest_ts"] = nowTs,
        ["sku_id"] = duplicate.SkuId,
        ["location_id"] = LocationId,
        ["movement_type"] = MovementType.Correction.Name(),
        ["qty_delta"] = QtyDelta,
        ["source_system"] = duplicate.SourceSystem,
        ["reference_id"] = duplicate.ReferenceId,
        ["unit_price"] = duplicate.UnitPrice,
        ["unit_cost"] = duplicate.UnitCost,
        ["currency"] = duplicate.Currency.Length == 0 ? null : duplicate.Currency,
        ["promo_id"] = duplicate.PromoId.Length == 0 ? null : duplicate.PromoId,
        ["reason"] = Reason,
        ["performed_by"] = PerformedBy,
        ["corrects_event_id"] = duplicate.EventId,
        ["attributes"] = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["reconcile.run"] = runId,
            ["reconcile.partition"] = duplicate.Partition.ToString(CultureInfo.InvariantCulture),
            ["reconcile.offset"] = duplicate.Offset.ToString(CultureInfo.InvariantCulture),
        },
    };
}
