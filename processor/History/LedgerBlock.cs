using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Accepted movements as a block for table <c>ledger</c>.</summary>
internal sealed class LedgerBlock
{
    private static readonly byte[][] TypeNames = [.. MovementTypes.Names.Select(System.Text.Encoding.UTF8.GetBytes)];
    private readonly NativeBlockWriter block = new();
    private readonly RecordColumns record;
    private readonly NativeStringColumn eventId, sku, location, type, source, reference, currency, promo, reason, performedBy,
        counterpart, corrects, customer;
    private readonly NativeNumberColumn<long> eventTs, ingestTs, qtyDelta, countedQty, unitPrice, unitCost;
    private readonly NativeNumberColumn<byte> stocked;
    private readonly NativeListColumn attributes;

    public LedgerBlock()
    {
        record = new RecordColumns(block);
        eventId = block.String("event_id");
        eventTs = block.DateTime64("event_ts");
        ingestTs = block.DateTime64("ingest_ts");
        sku = block.String("sku_id");
        location = block.String("location_id");
        type = block.String("movement_type");
        qtyDelta = block.Int64("qty_delta");
        countedQty = block.NullableInt64("counted_qty");
        stocked = block.UInt8("stocked");
        source = block.String("source_system");
        reference = block.String("reference_id");
        unitPrice = block.NullableDecimal64("unit_price", 4);
        unitCost = block.NullableDecimal64("unit_cost", 4);
        currency = block.String("currency");
        promo = block.String("promo_id");
        reason = block.String("reason");
        performedBy = block.String("performed_by");
        counterpart = block.String("counterpart_location_id");
        corrects = block.String("corrects_event_id");
        customer = block.String("customer_ref");
        attributes = block.Map("attributes");
    }

    public NativeBlockWriter Block => block;

    /// <summary>Appends records of a batch by their indexes. Few columns at a time: more streams than the processor follows would cost it a miss a value.</summary>
    public void Append(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        record.Append(batch, rows);
        AppendQuantities(batch, rows);
        AppendIds(batch, rows);
        AppendTexts(batch, rows);
        AppendAttributes(batch, rows);
    }

    private void AppendQuantities(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        foreach (var i in rows)
        {
            ref var movement = ref batch.Movements[i];
            eventTs.Append(movement.EventTs);
            ingestTs.Append(movement.IngestTs);
            qtyDelta.Append(movement.QtyDelta);
            stocked.Append(movement.Stocked ? (byte)1 : (byte)0);
            Append(countedQty, movement.CountedQty);
            Append(unitPrice, movement.UnitPrice);
            Append(unitCost, movement.UnitCost);
        }
    }

    private void AppendIds(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        foreach (var i in rows)
        {
            ref var movement = ref batch.Movements[i];
            eventId.Append(batch.Bytes(movement.EventId));
            sku.Append(batch.Bytes(movement.SkuId));
            location.Append(batch.Bytes(movement.LocationId));
            type.Append(TypeNames[(int)movement.Type]);
            source.Append(batch.Bytes(movement.SourceSystem));
            reference.Append(batch.Bytes(movement.ReferenceId));
        }
    }

    private void AppendTexts(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        foreach (var i in rows)
        {
            ref var movement = ref batch.Movements[i];
            currency.Append(batch.Bytes(movement.Currency));
            promo.Append(batch.Bytes(movement.PromoId));
            reason.Append(batch.Bytes(movement.Reason));
            performedBy.Append(batch.Bytes(movement.PerformedBy));
            counterpart.Append(batch.Bytes(movement.CounterpartId));
            corrects.Append(batch.Bytes(movement.CorrectsEventId));
            customer.Append(batch.Bytes(movement.CustomerRef));
        }
    }

    private void AppendAttributes(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        foreach (var i in rows)
        {
            ref var movement = ref batch.Movements[i];
            var entries = new AvroMapCursor(movement.Attributes.Length > 0 ? batch.Bytes(movement.Attributes) : [0]);
            while (entries.MoveNext())
            {
                attributes.Append(entries.Key, entries.Value);
            }

            attributes.EndRow();
        }
    }

    private static void Append(NativeNumberColumn<long> column, long value)
    {
        if (value == Movement.Absent)
        {
            column.AppendNull();
        }
        else
        {
            column.Append(value);
        }
    }
}
