using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

public sealed class OrderStageTests
{
    private const long Now = FolderRecords.Now;

    [Fact]
    public async Task An_order_is_read_as_it_was_written()
    {
        var result = await ReadAsync(Order());
        Assert.Equal((RejectReason.None, "", FolderRecords.SchemaId("OrderEvent")), (result.Reason, result.Message, result.SchemaId));
        var fact = result.Fact!;
        Assert.Equal(("E-1", Now - 5, Now, "O-1", OrderEventType.Placed, "WEB", "EUR", "C-1"),
            (fact.EventId, fact.EventTs, fact.IngestTs, fact.OrderId, fact.Type, fact.SourceSystem, fact.Currency, fact.CustomerRef));
        Assert.Equal([new OrderFactLine("1", "SKU-1", "DC-1", 2, 99_900, null), new OrderFactLine("2", "SKU-2", "DC-2", 1, null, "SKU-3")], fact.Lines);
    }

    [Theory]
    [InlineData("PLACED", OrderEventType.Placed)]
    [InlineData("CANCELLED", OrderEventType.Cancelled)]
    [InlineData("SUBSTITUTED", OrderEventType.Substituted)]
    [InlineData("PARTIALLY_SHIPPED", OrderEventType.PartiallyShipped)]
    [InlineData("SHIPPED", OrderEventType.Shipped)]
    [InlineData("RETURNED", OrderEventType.Returned)]
    public async Task Each_type_has_its_own(string symbol, OrderEventType type)
    {
        var result = await ReadAsync(Order(), "event_type", symbol);
        Assert.Equal(type, result.Fact!.Type);
        Assert.Equal(symbol, type.Name());
    }

    public static TheoryData<string, object?, string, string> BadValues() => new()
    {
        { "event_id", "", "missing_id", "event_id is empty" },
        { "event_id", new string('x', 129), "bad_id", "event_id must be 1 to 128 bytes" },
        { "event_id", "a\u0001", "bad_id", "without control characters" },
        { "order_id", "O-2", "key_mismatch", "The message key is not the order_id" },
        { "order_id", "", "missing_id", "order_id is empty" },
        { "source_system", "", "missing_id", "source_system is empty" },
        { "source_system", " WEB", "bad_id", "source_system must be 1 to 64 bytes" },
        { "event_ts", 0L, "time_range", "event_ts 0 is before 1990" },
        { "event_ts", long.MinValue, "time_range", "event_ts -9223372036854775808 is before 1990" },
        { "event_ts", long.MaxValue, "time_future", "event_ts" },
        { "event_ts", Now + 600_001, "time_future", "event_ts 1800000600001 is more than 600 s ahead" },
        { "ingest_ts", Now / 1000, "time_range", "ingest_ts 1800000000 is before 1990" },
        { "ingest_ts", Now + 600_001, "time_future", "ingest_ts" },
        { "event_type", "UNKNOWN", "unknown_type", "event_type is UNKNOWN" },
        { "currency", "eur", "currency", "currency is not three capital letters" },
        { "currency", "EURO", "currency", "currency" },
        { "customer_ref", new string('x', 257), "bad_id", "customer_ref is longer than 256 bytes" },
        { "lines[0].line_id", "", "missing_id", "lines[0].line_id is empty" },
        { "lines[1].line_id", "1", "lines", "lines[1].line_id stands in an earlier line too" },
        { "lines[1].sku_id", "", "missing_id", "lines[1].sku_id is empty" },
        { "lines[1].sku_id", new string('é', 33), "bad_id", "it has 66 bytes" },
        { "lines[1].location_id", "DC\u007f", "bad_id", "lines[1].location_id must be" },
        { "lines[0].qty", 0L, "quantity_range", "lines[0].qty 0 is not from 1 to 1000000 units (decode.maximumQuantity)" },
        { "lines[0].qty", -1L, "quantity_range", "lines[0].qty -1" },
        { "lines[1].qty", 1_000_001L, "quantity_range", "lines[1].qty 1000001" },
        { "lines[1].qty", long.MaxValue, "quantity_range", "lines[1].qty" },
        { "lines[1].unit_price", BadInt128(), "quantity_range", "lines[1].unit_price has more than 18 digits" },
        { "lines[1].unit_price", Enumerable.Repeat((byte)0x7f, 40).ToArray(), "quantity_range", "lines[1].unit_price has more than 18 digits" },
        { "lines[1].substitutes_sku_id", "SKU-2", "lines", "lines[1].substitutes_sku_id is the line's own sku_id" },
        { "lines[1].substitutes_sku_id", "x ", "bad_id", "lines[1].substitutes_sku_id must be" },
        { "lines", new List<object?>(), "lines", "lines is empty" },
        { "lines", Enumerable.Range(0, 1001).Select(i => (object?)Line(i + "", "SKU-1", "DC-1", 1)).ToList(), "lines", "lines has 1001 entries, more than 1000" },
    };

    [Theory]
    [MemberData(nameof(BadValues))]
    public async Task A_value_that_can_not_be_is_refused_and_its_place_named(string place, object? value, string reason, string message)
    {
        var result = await ReadAsync(Order(), place, value);
        Assert.Null(result.Fact);
        Assert.Equal(reason, result.Reason.Code());
        Assert.Contains(message, result.Message, StringComparison.Ordinal);
        Assert.Equal(FolderRecords.SchemaId("OrderEvent"), result.SchemaId);
    }

    public static TheoryData<string, object?> EdgeValues() => new()
    {
        { "event_id", new string('x', 128) },
        { "event_ts", 631_152_000_000 },
        { "event_ts", Now + 600_000 },
        { "currency", null },
        { "customer_ref", "" },
        { "lines[0].qty", 1L },
        { "lines[0].qty", 1_000_000L },
        { "lines[0].unit_price", 99_999_999_999_999.9999m },
        { "lines[0].sku_id", new string('x', 64) },
        { "lines[0].substitutes_sku_id", "" },
        { "lines", Enumerable.Range(0, 1000).Select(i => (object?)Line(i + "", "SKU-1", "DC-1", 1)).ToList() },
    };

    [Theory]
    [MemberData(nameof(EdgeValues))]
    public async Task A_value_at_the_edge_is_taken(string place, object? value) => Assert.NotNull((await ReadAsync(Order(), place, value)).Fact);

    [Fact]
    public async Task A_substitution_names_what_it_replaces()
    {
        var order = Order();
        FolderRecords.Set(order, "lines[1].substitutes_sku_id", null);
        var result = await ReadAsync(order, "event_type", "SUBSTITUTED");
        Assert.Equal(RejectReason.Lines, result.Reason);
        Assert.Contains("names no substitutes_sku_id", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_and_frames_that_can_not_be_are_refused()
    {
        var value = FolderRecords.Value("OrderEvent", Order());
        var stage = FolderRecords.Orders();
        foreach (var (key, bytes, reason, schemaId) in new (string?, byte[]?, RejectReason, int)[]
                 {
                     (null, value, RejectReason.MissingId, -1), ("", value, RejectReason.MissingId, -1), (new string('x', 65), value, RejectReason.BadId, -1),
                     ("O-1", null, RejectReason.WireFormat, -1), ("O-1", [], RejectReason.WireFormat, -1), ("O-1", [0, 0, 0], RejectReason.WireFormat, -1),
                     ("O-1", [1, .. value], RejectReason.WireFormat, -1), ("O-1", [0, 0x7f, 0, 0, 0, 1], RejectReason.UnknownSchema, 0x7f000000),
                     ("O-1", [.. value, 0], RejectReason.AvroMalformed, FolderRecords.SchemaId("OrderEvent")),
                     ("O-1", FolderRecords.Value("ShipNotice", PurchaseOrderStageTests.Notice()), RejectReason.WrongRecord, FolderRecords.SchemaId("ShipNotice")),
                     ("O-1", new byte[(1024 * 1024) + 1], RejectReason.TooLarge, -1),
                 })
        {
            var result = await stage.ReadAsync(FolderRecords.Record("orders", key, bytes), CancellationToken.None);
            Assert.Null(result.Fact);
            Assert.Equal((reason, schemaId), (result.Reason, result.SchemaId));
            Assert.NotEmpty(result.Message);
        }
    }

    [Fact]
    public async Task No_bytes_make_it_throw()
    {
        var random = new Random(20261);
        var stage = FolderRecords.Orders();
        var value = FolderRecords.Value("OrderEvent", Order());
        var taken = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var result = await stage.ReadAsync(FolderRecords.Record("orders", "O-1", FolderRecords.Damage(random, value)), CancellationToken.None);
            Assert.Equal(result.Fact is null, result.Reason != RejectReason.None);
            Assert.Equal(result.Fact is null, result.Message.Length > 0);
            taken += result.Fact is null ? 0 : 1;
        }

        Assert.InRange(taken, 1, 19_000);
    }

    private static byte[] BadInt128() => [0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0x00, 0x00];

    private static ValueTask<DecodedFact<OrderFact>> ReadAsync(Dictionary<string, object?> order, string? place = null, object? value = null)
    {
        if (place is not null)
        {
            FolderRecords.Set(order, place, value);
        }

        var key = (string)order["order_id"]! is { Length: > 0 } and not "O-2" ? (string)order["order_id"]! : "O-1";
        return FolderRecords.Orders().ReadAsync(FolderRecords.Record("orders", key, FolderRecords.Value("OrderEvent", order)), CancellationToken.None);
    }

    private static Dictionary<string, object?> Order() => new()
    {
        ["event_id"] = "E-1",
        ["event_ts"] = Now - 5,
        ["ingest_ts"] = Now,
        ["order_id"] = "O-1",
        ["event_type"] = "PLACED",
        ["source_system"] = "WEB",
        ["currency"] = "EUR",
        ["customer_ref"] = "C-1",
        ["lines"] = new List<object?> { Line("1", "SKU-1", "DC-1", 2, 9.99m), Line("2", "SKU-2", "DC-2", 1, null, "SKU-3") },
    };

    private static Dictionary<string, object?> Line(string line, string sku, string location, long quantity, decimal? price = null, string? substitutes = null) => new()
    {
        ["line_id"] = line,
        ["sku_id"] = sku,
        ["location_id"] = location,
        ["qty"] = quantity,
        ["unit_price"] = price,
        ["substitutes_sku_id"] = substitutes,
    };
}
