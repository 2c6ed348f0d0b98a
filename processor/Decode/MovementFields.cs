using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>Carries the slots of a decoded InventoryMovement over to a <see cref="Movement"/>.</summary>
internal sealed class MovementFields
{
    private readonly int eventId, eventTs, ingestTs, skuId, locationId, movementType, qtyDelta, sourceSystem, referenceId, unitPrice,
        unitCost, currency, promoId, reason, performedBy, counterpart, countedQty, corrects, customerRef, attributes;

    private readonly string?[] members;

    /// <exception cref="InvalidOperationException">The schema lacks a field.</exception>
    public MovementFields(AvroSchema schema)
    {
        members = new string?[schema.Fields.Count];
        eventId = Index("event_id", nameof(Movement.EventId));
        eventTs = Index("event_ts", nameof(Movement.EventTs));
        ingestTs = Index("ingest_ts", nameof(Movement.IngestTs));
        skuId = Index("sku_id", nameof(Movement.SkuId));
        locationId = Index("location_id", nameof(Movement.LocationId));
        movementType = Index("movement_type", nameof(Movement.Type));
        qtyDelta = Index("qty_delta", nameof(Movement.QtyDelta));
        sourceSystem = Index("source_system", nameof(Movement.SourceSystem));
        referenceId = Index("reference_id", nameof(Movement.ReferenceId));
        unitPrice = Index("unit_price", nameof(Movement.UnitPrice));
        unitCost = Index("unit_cost", nameof(Movement.UnitCost));
        currency = Index("currency", nameof(Movement.Currency));
        promoId = Index("promo_id", nameof(Movement.PromoId));
        reason = Index("reason", nameof(Movement.Reason));
        performedBy = Index("performed_by", nameof(Movement.PerformedBy));
        counterpart = Index("counterpart_location_id", nameof(Movement.CounterpartId));
        countedQty = Index("counted_qty", nameof(Movement.CountedQty));
        corrects = Index("corrects_event_id", nameof(Movement.CorrectsEventId));
        customerRef = Index("customer_ref", nameof(Movement.CustomerRef));
        attributes = Index("attributes", nameof(Movement.Attributes));

        int Index(string name, string member)
        {
            for (var i = 0; i < schema.Fields.Count; i++)
            {
                if (schema.Fields[i].Name == name)
                {
                    members[i] = member;
                    return i;
                }
            }

            throw new InvalidOperationException($"The schema {schema.FullName} has no field {name}.");
        }
    }

    /// <summary>The movement's member for each of the schema's fields; null for a field that it does not keep.</summary>
    public IReadOnlyList<string?> Members => members;

    /// <summary>Copies the slots; <paramref name="body"/> is where their offsets begin in the arena.</summary>
    public void Fill(ref Movement movement, ReadOnlySpan<AvroSlot> slots, int body, ReadOnlySpan<byte> arena)
    {
        movement.EventTs = slots[eventTs].Long;
        movement.IngestTs = slots[ingestTs].Long;
        movement.Type = (MovementType)slots[movementType].Long;
        movement.QtyDelta = slots[qtyDelta].Long;
        movement.CountedQty = slots[countedQty].HasValue ? slots[countedQty].Long : Movement.Absent;
        movement.UnitPrice = Decimal(slots[unitPrice], body, arena);
        movement.UnitCost = Decimal(slots[unitCost], body, arena);
        movement.EventId = At(slots[eventId], body);
        movement.SkuId = At(slots[skuId], body);
        movement.LocationId = At(slots[locationId], body);
        movement.SourceSystem = At(slots[sourceSystem], body);
        movement.ReferenceId = At(slots[referenceId], body);
        movement.Currency = At(slots[currency], body);
        movement.PromoId = At(slots[promoId], body);
        movement.Reason = At(slots[reason], body);
        movement.PerformedBy = At(slots[performedBy], body);
        movement.CounterpartId = At(slots[counterpart], body);
        movement.CorrectsEventId = At(slots[corrects], body);
        movement.CustomerRef = At(slots[customerRef], body);
        movement.Attributes = At(slots[attributes], body);
        movement.Sku = movement.Location = movement.Counterpart = movement.Source = -1;
        movement.Stocked = true;
    }

    // A default stands nowhere in the input: the optional fields default to null, attributes to an empty map, and both are absent here.
    private static Slice At(in AvroSlot slot, int body) =>
        slot.Kind is AvroSlotKind.Bytes or AvroSlotKind.Complex ? new Slice(body + slot.Start, slot.Length) : Slice.None;

    private static long Decimal(in AvroSlot slot, int body, ReadOnlySpan<byte> arena)
    {
        if (slot.Kind != AvroSlotKind.Bytes)
        {
            return Movement.Absent;
        }

        // Two's complement, big-endian; the schema allows 18 digits, which fit 8 bytes. Longer encodings must only repeat the sign.
        var bytes = arena.Slice(body + slot.Start, slot.Length);
        if (bytes.IsEmpty)
        {
            return 0;
        }

        var negative = (sbyte)bytes[0] < 0;
        long value = negative ? -1 : 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (i < bytes.Length - 8 && bytes[i] != (negative ? 0xff : 0))
            {
                return Movement.OutOfRange;
            }

            value = (value << 8) | bytes[i];
        }

        return value < 0 == negative && value is <= Movement.MaximumMoney and >= -Movement.MaximumMoney ? value : Movement.OutOfRange;
    }
}
