using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Accepted movements as a block for table <c>ledger</c>.</summary>
internal sealed class LedgerBlock : IDisposable
{
    private static readonly byte[][] TypeNames = [.. MovementTypes.Names.Select(System.Text.Encoding.UTF8.GetBytes)];
    private readonly NativeBlockWriter block = new();
    private readonly TopicName topicName = new();
    private readonly NativeStringColumn topic, eventId, sku, location, type, source, reference, currency, promo, reason, performedBy,
        counterpart, corrects, customer;
    private readonly NativeNumberColumn<int> partition;
    private readonly NativeNumberColumn<long> offset, eventTs, ingestTs, brokerTs, recordedAt, qtyDelta, countedQty, unitPrice, unitCost;
    private readonly NativeNumberColumn<byte> stocked;
    private readonly NativeListColumn attributes;

    public LedgerBlock()
    {
        topic = block.String("topic");
        partition = block.Int32("partition");
        offset = block.Int64("offset");
        eventId = block.String("event_id");
        eventTs = block.DateTime64("event_ts");
        ingestTs = block.DateTime64("ingest_ts");
        brokerTs = block.DateTime64("broker_ts");
        recordedAt = block.DateTime64("recorded_at");
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

    public void Append(RecordBatch batch, int i)
    {
        ref var record = ref batch.Records[i];
        ref var movement = ref batch.Movements[i];
        topic.Append(topicName.Of(batch.Lane.Topic));
        partition.Append(batch.Lane.Partition);
        offset.Append(record.Offset);
        eventId.Append(batch.Bytes(movement.EventId));
        eventTs.Append(movement.EventTs);
        ingestTs.Append(movement.IngestTs);
        brokerTs.Append(Math.Max(0, record.BrokerTs));
        recordedAt.Append(batch.RecordedTs);
        sku.Append(batch.Bytes(movement.SkuId));
        location.Append(batch.Bytes(movement.LocationId));
        type.Append(TypeNames[(int)movement.Type]);
        qtyDelta.Append(movement.QtyDelta);
        Append(countedQty, movement.CountedQty);
        stocked.Append(movement.Stocked ? (byte)1 : (byte)0);
        source.Append(batch.Bytes(movement.SourceSystem));
        reference.Append(batch.Bytes(movement.ReferenceId));
        Append(unitPrice, movement.UnitPrice);
        Append(unitCost, movement.UnitCost);
        currency.Append(batch.Bytes(movement.Currency));
        promo.Append(batch.Bytes(movement.PromoId));
        reason.Append(batch.Bytes(movement.Reason));
        performedBy.Append(batch.Bytes(movement.PerformedBy));
        counterpart.Append(batch.Bytes(movement.CounterpartId));
        corrects.Append(batch.Bytes(movement.CorrectsEventId));
        customer.Append(batch.Bytes(movement.CustomerRef));
        var entries = new AvroMapCursor(movement.Attributes.Length > 0 ? batch.Bytes(movement.Attributes) : [0]);
        while (entries.MoveNext())
        {
            attributes.Append(entries.Key, entries.Value);
        }

        attributes.EndRow();
    }

    public void Dispose() => block.Dispose();

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
