using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// Reads the topic of purchase orders, ship notices and dock appointments; the writer's schema tells which a record is. A registry that does
/// not answer is waited for. Ids are not compared with the reference data.
/// </summary>
public sealed class PurchaseOrderStage(
    DecodeOptions options, ISchemaSource schemas, AvroSchema purchaseOrder, AvroSchema shipNotice, AvroSchema appointment, TimeProvider time, ILogger logger)
{
    public const string StageName = "purchase-orders", Topic = "purchase-orders";

    private readonly RecordDecoder decoder = new(options, schemas, time, logger, purchaseOrder, shipNotice, appointment);

    /// <summary>Never throws for what a record holds.</summary>
    public ValueTask<DecodedFact<InboundFact>> ReadAsync(SourceRecord record, CancellationToken token) => decoder.ReadAsync(record, "po_id", Read, token);

    private InboundFact Read(RecordFields fields) =>
        fields.TypeName == purchaseOrder.Name ? ReadOrder(fields)
        : fields.TypeName == shipNotice.Name ? ReadNotice(fields)
        : ReadAppointment(fields);

    private static PurchaseOrderFact ReadOrder(RecordFields fields)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return new PurchaseOrderFact(
            EventId(fields),
            fields.PastTime("event_ts"),
            fields.PastTime("ingest_ts"),
            fields.Id("po_id"),
            fields.Id("vendor_id"),
            (PurchaseOrderStatus)fields.Symbol("status", InboundStatuses.PurchaseOrderNames),
            fields.Id("source_system"),
            fields.Lines(line => ReadOrderLine(line, seen), mayBeEmpty: true));
    }

    private static PurchaseOrderFactLine ReadOrderLine(RecordFields fields, HashSet<string> seen)
    {
        var line = new PurchaseOrderFactLine(
            fields.Id("line_id"),
            fields.Id("sku_id"),
            fields.Id("location_id"),
            fields.Quantity("ordered_qty", least: 0),
            fields.Quantity("received_qty", least: 0),
            fields.OptionalMoney("unit_cost"),
            fields.OptionalDay("expected_date"));
        return seen.Add(line.LineId) ? line : throw fields.Refused(RejectReason.Lines, "line_id", "stands in an earlier line too; give each line an id of its own.");
    }

    private static ShipNoticeFact ReadNotice(RecordFields fields) => new(
        EventId(fields),
        fields.PastTime("event_ts"),
        fields.PastTime("ingest_ts"),
        fields.Id("asn_id"),
        fields.Id("po_id"),
        fields.Id("vendor_id"),
        fields.PlannedTime("expected_ts"),
        fields.Lines(
            line => new ShipNoticeFactLine(line.Id("po_line_id"), line.Id("sku_id"), line.Id("location_id"), line.Quantity("shipped_qty", least: 1)), mayBeEmpty: false));

    private static AppointmentFact ReadAppointment(RecordFields fields)
    {
        var fact = new AppointmentFact(
            EventId(fields),
            fields.PastTime("event_ts"),
            fields.Id("appointment_id"),
            fields.Id("po_id"),
            fields.OptionalId("asn_id"),
            fields.Id("location_id"),
            fields.OptionalText("dock_door"),
            fields.PlannedTime("starts_at"),
            fields.PlannedTime("ends_at"),
            (AppointmentStatus)fields.Symbol("status", InboundStatuses.AppointmentNames));
        return fact.EndsAt > fact.StartsAt ? fact : throw fields.Refused(RejectReason.Validity, "ends_at", "is not after starts_at; correct the appointment and send it again.");
    }

    private static string EventId(RecordFields fields) => fields.Id("event_id", ValidationRules.MaximumEventId);
}
