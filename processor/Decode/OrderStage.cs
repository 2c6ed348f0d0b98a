using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// Reads the topic of customer orders. A registry that does not answer is waited for. Ids are not compared with the reference data: the
/// movements that come of an order are.
/// </summary>
public sealed class OrderStage(DecodeOptions options, ISchemaSource schemas, AvroSchema order, TimeProvider time, ILogger logger)
{
    public const string StageName = "orders", Topic = "orders";

    private readonly RecordDecoder decoder = new(options, schemas, time, logger, order);

    /// <summary>Never throws for what a record holds.</summary>
    public ValueTask<DecodedFact<OrderFact>> ReadAsync(SourceRecord record, CancellationToken token) => decoder.ReadAsync(record, "order_id", Read, token);

    private static OrderFact Read(RecordFields fields)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var fact = new OrderFact(
            fields.Id("event_id", ValidationRules.MaximumEventId),
            fields.PastTime("event_ts"),
            fields.PastTime("ingest_ts"),
            fields.Id("order_id"),
            (OrderEventType)fields.Symbol("event_type", OrderEventTypes.Names),
            fields.Id("source_system"),
            fields.OptionalCurrency("currency"),
            fields.OptionalText("customer_ref"),
            fields.Lines(line => ReadLine(line, seen), mayBeEmpty: false));

        // Without it the replaced SKU would stay reserved for ever.
        return fact.Type != OrderEventType.Substituted || fact.Lines.Any(line => line.SubstitutesSkuId is not null)
            ? fact
            : throw fields.Refused(RejectReason.Lines, "lines", "names no substitutes_sku_id; a SUBSTITUTED event needs the SKU that was replaced.");
    }

    private static OrderFactLine ReadLine(RecordFields fields, HashSet<string> seen)
    {
        var line = new OrderFactLine(
            fields.Id("line_id"),
            fields.Id("sku_id"),
            fields.Id("location_id"),
            fields.Quantity("qty", least: 1),
            fields.OptionalMoney("unit_price"),
            fields.OptionalId("substitutes_sku_id"));
        return !seen.Add(line.LineId) ? throw fields.Refused(RejectReason.Lines, "line_id", "stands in an earlier line too; give each line an id of its own.")
            : line.SubstitutesSkuId == line.SkuId ? throw fields.Refused(RejectReason.Lines, "substitutes_sku_id", "is the line's own sku_id; it must be the SKU that was replaced.")
            : line;
    }
}
