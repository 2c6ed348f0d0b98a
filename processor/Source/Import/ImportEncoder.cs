using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>A schema and the id under which the registry knows it.</summary>
public readonly record struct ImportSchema(AvroSchema Schema, int Id);

/// <summary>Writes movements and reference records in Confluent's wire format. Fields that a newer schema adds take their defaults.</summary>
public sealed class ImportEncoder(ImportSchema movement, ImportSchema sku, ImportSchema location)
{
    private readonly AvroEncoder encoder = new(512);
    private readonly Dictionary<string, object?> fields = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object?> attributes = new(StringComparer.Ordinal);

    public byte[] Movement(ImportMovement from)
    {
        fields.Clear();
        attributes.Clear();
        foreach (var (name, value) in from.Attributes)
        {
            attributes[name] = value;
        }

        fields["event_id"] = from.EventId;
        fields["event_ts"] = from.EventTs;
        fields["ingest_ts"] = from.IngestTs;
        fields["sku_id"] = from.SkuId;
        fields["location_id"] = from.LocationId;
        fields["movement_type"] = from.Type.Name();
        fields["qty_delta"] = from.QtyDelta;
        fields["source_system"] = from.SourceSystem;
        fields["reference_id"] = from.ReferenceId;
        fields["unit_price"] = from.UnitPrice;
        fields["unit_cost"] = from.UnitCost;
        fields["currency"] = from.Currency;
        fields["promo_id"] = from.PromoId;
        fields["reason"] = from.Reason;
        fields["performed_by"] = from.PerformedBy;
        fields["counterpart_location_id"] = from.CounterpartLocationId;
        fields["counted_qty"] = from.CountedQty;
        fields["corrects_event_id"] = from.CorrectsEventId;
        fields["customer_ref"] = from.CustomerRef;
        fields["attributes"] = attributes;
        return Encode(movement);
    }

    /// <param name="id">The SKU.</param>
    /// <param name="fact">What the file says of it.</param>
    /// <param name="unitOfMeasure">EACH, KG, ...</param>
    /// <param name="updatedAt">Milliseconds since 1970-01-01 UTC.</param>
    public byte[] Sku(string id, SkuFact fact, string unitOfMeasure, long updatedAt)
    {
        fields.Clear();
        fields["sku_id"] = id;
        fields["name"] = fact.Name ?? id;
        fields["category"] = fact.Kind?.Name;
        fields["stocked"] = fact.Kind?.Stocked ?? true;
        fields["unit_of_measure"] = unitOfMeasure;
        fields["updated_at"] = updatedAt;
        return Encode(sku);
    }

    public byte[] Location(LocationFact fact, long updatedAt)
    {
        fields.Clear();
        fields["location_id"] = fact.Id;
        fields["name"] = fact.Name;
        fields["kind"] = fact.Kind;
        fields["country"] = fact.Country;
        fields["timezone"] = fact.TimeZone;
        fields["updated_at"] = updatedAt;
        return Encode(location);
    }

    private byte[] Encode(ImportSchema schema)
    {
        encoder.Clear();
        ConfluentFrame.Write(encoder, schema.Id);
        GenericWriter.Write(encoder, schema.Schema, fields);
        return encoder.WrittenSpan.ToArray();
    }
}
