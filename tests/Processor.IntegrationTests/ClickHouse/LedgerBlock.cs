using Stockflow.History;

namespace Stockflow.IntegrationTests.ClickHouse;

/// <summary>Writes made-up ledger rows: row n is the same whenever it is written, its recorded time excepted.</summary>
internal sealed class LedgerBlock
{
    private readonly NativeNumberColumn<long> broker, counted, cost, eventTs, ingest, offset, price, quantity, recorded;
    private readonly NativeStringColumn[] empties;
    private readonly NativeListColumn attributes;
    private readonly NativeStringColumn eventId, location, sku, topic, type;
    private readonly NativeNumberColumn<int> partition;

    public LedgerBlock()
    {
        topic = Writer.String("topic");
        partition = Writer.Int32("partition");
        offset = Writer.Int64("offset");
        eventId = Writer.String("event_id");
        eventTs = Writer.DateTime64("event_ts");
        ingest = Writer.DateTime64("ingest_ts");
        broker = Writer.DateTime64("broker_ts");
        recorded = Writer.DateTime64("recorded_at");
        sku = Writer.String("sku_id");
        location = Writer.String("location_id");
        type = Writer.String("movement_type");
        quantity = Writer.Int64("qty_delta");
        counted = Writer.NullableInt64("counted_qty");
        price = Writer.NullableDecimal64("unit_price", 4);
        cost = Writer.NullableDecimal64("unit_cost", 4);
        attributes = Writer.Map("attributes");
        empties = [.. new[] { "source_system", "reference_id", "currency", "promo_id", "reason", "performed_by", "counterpart_location_id", "corrects_event_id", "customer_ref" }.Select(Writer.String)];
    }

    public NativeBlockWriter Writer { get; } = new();

    public LedgerBlock Add(int row, long recordedTs)
    {
        // Rows spread over several months, keys and partitions.
        var time = 1_767_225_600_000L + (row * 3_600_000L);
        topic.Append("inventory.movements");
        partition.Append(row % 3);
        offset.Append(row);
        eventId.Append($"event-{row}");
        eventTs.Append(time);
        ingest.Append(time + 10);
        broker.Append(time + 20);
        recorded.Append(recordedTs);
        sku.Append($"sku-{row % 7}");
        location.Append($"store-{row % 5}");
        type.Append(row % 11 == 0 ? "CYCLE_COUNT" : "SALE");
        quantity.Append(row % 11 == 0 ? 0 : -row);
        if (row % 11 == 0)
        {
            counted.Append(row);
            price.AppendNull();
        }
        else
        {
            counted.AppendNull();
            price.Append(row * 10_001L);
        }

        cost.AppendNull();
        attributes.Append("row"u8, System.Text.Encoding.ASCII.GetBytes($"{row}"));
        attributes.EndRow();
        foreach (var column in empties)
        {
            column.Append([]);
        }

        return this;
    }

    public async Task InsertAsync(IClickHouse clickHouse)
    {
        await clickHouse.InsertAsync("ledger", Writer.ColumnNames, "Native", Writer.Build());
        Writer.Clear();
    }
}
