using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

public sealed class PurchaseOrderStageTests
{
    private const long Now = FolderRecords.Now, Later = Now + 86_400_000;

    [Fact]
    public async Task A_purchase_order_is_read_as_it_was_written()
    {
        var fact = Assert.IsType<PurchaseOrderFact>(await GoodAsync("PurchaseOrderEvent", Order()));
        Assert.Equal(("E-1", Now - 5, Now, "P-1", "V-1", PurchaseOrderStatus.Confirmed, "ERP"),
            (fact.EventId, fact.EventTs, fact.IngestTs, fact.PurchaseOrderId, fact.VendorId, fact.Status, fact.SourceSystem));
        Assert.Equal(
            [
                new PurchaseOrderFactLine("1", "SKU-1", "DC-1", 40, 0, 12_500, new DateOnly(2027, 1, 20)),
                new PurchaseOrderFactLine("2", "SKU-2", "DC-1", 5, 6, null, null),
            ], fact.Lines);
    }

    [Fact]
    public async Task A_ship_notice_is_read_as_it_was_written()
    {
        var fact = Assert.IsType<ShipNoticeFact>(await GoodAsync("ShipNotice", Notice()));
        Assert.Equal(("E-2", Now - 5, Now, "A-1", "P-1", "V-1", Later),
            (fact.EventId, fact.EventTs, fact.IngestTs, fact.ShipNoticeId, fact.PurchaseOrderId, fact.VendorId, fact.ExpectedTs));
        Assert.Equal([new ShipNoticeFactLine("1", "SKU-1", "DC-1", 30), new ShipNoticeFactLine("1", "SKU-1", "DC-1", 10)], fact.Lines);
    }

    [Fact]
    public async Task An_appointment_is_read_as_it_was_written()
    {
        var fact = Assert.IsType<AppointmentFact>(await GoodAsync("InboundAppointment", Appointment()));
        Assert.Equal(new AppointmentFact("E-3", Now - 5, "AP-1", "P-1", "A-1", "DC-1", "D7", Later, Later + 1_800_000, AppointmentStatus.Booked), fact);
    }

    [Theory]
    [InlineData("PurchaseOrderEvent", "PARTIALLY_RECEIVED")]
    [InlineData("PurchaseOrderEvent", "CANCELLED")]
    [InlineData("PurchaseOrderEvent", "DRAFT")]
    [InlineData("InboundAppointment", "NO_SHOW")]
    [InlineData("InboundAppointment", "CANCELLED")]
    public async Task Each_status_has_its_own(string name, string symbol)
    {
        var fact = await GoodAsync(name, With(name, "status", symbol));
        Assert.Equal(symbol, fact is PurchaseOrderFact order ? order.Status.Name() : ((AppointmentFact)fact).Status.Name());
    }

    public static TheoryData<string, string, object?, string, string> BadValues() => new()
    {
        { "PurchaseOrderEvent", "event_id", "", "missing_id", "event_id is empty" },
        { "PurchaseOrderEvent", "event_ts", 0L, "time_range", "event_ts 0 is before 1990" },
        { "PurchaseOrderEvent", "ingest_ts", Now + 600_001, "time_future", "ingest_ts" },
        { "PurchaseOrderEvent", "po_id", "P-2", "key_mismatch", "The message key is not the po_id" },
        { "PurchaseOrderEvent", "vendor_id", "", "missing_id", "vendor_id is empty" },
        { "PurchaseOrderEvent", "status", "UNKNOWN", "unknown_type", "status is UNKNOWN" },
        { "PurchaseOrderEvent", "source_system", "x\ny", "bad_id", "source_system must be" },
        { "PurchaseOrderEvent", "lines[1].line_id", "1", "lines", "lines[1].line_id stands in an earlier line too" },
        { "PurchaseOrderEvent", "lines[1].sku_id", "", "missing_id", "lines[1].sku_id is empty" },
        { "PurchaseOrderEvent", "lines[0].ordered_qty", -1L, "quantity_range", "lines[0].ordered_qty -1 is not from 0 to 1000000" },
        { "PurchaseOrderEvent", "lines[0].received_qty", 1_000_001L, "quantity_range", "lines[0].received_qty 1000001" },
        { "PurchaseOrderEvent", "lines[0].unit_cost", new byte[] { 0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0, 0 }, "quantity_range", "lines[0].unit_cost has more than 18 digits" },
        { "PurchaseOrderEvent", "lines[0].expected_date", -1, "time_range", "lines[0].expected_date 1969-12-31 is not from 1990 to 2148" },
        { "PurchaseOrderEvent", "lines[0].expected_date", int.MaxValue, "time_range", "lines[0].expected_date 2147483647" },
        { "ShipNotice", "asn_id", "", "missing_id", "asn_id is empty" },
        { "ShipNotice", "vendor_id", "", "missing_id", "vendor_id is empty" },
        { "ShipNotice", "expected_ts", 0L, "time_range", "expected_ts 0 is not from 1990 to 2298" },
        { "ShipNotice", "expected_ts", long.MaxValue, "time_range", "expected_ts 9223372036854775807" },
        { "ShipNotice", "lines", new List<object?>(), "lines", "lines is empty" },
        { "ShipNotice", "lines[1].shipped_qty", 0L, "quantity_range", "lines[1].shipped_qty 0 is not from 1" },
        { "ShipNotice", "lines[1].po_line_id", "", "missing_id", "lines[1].po_line_id is empty" },
        { "InboundAppointment", "appointment_id", "", "missing_id", "appointment_id is empty" },
        { "InboundAppointment", "asn_id", new string('x', 65), "bad_id", "asn_id must be 1 to 64 bytes" },
        { "InboundAppointment", "location_id", "", "missing_id", "location_id is empty" },
        { "InboundAppointment", "dock_door", new string('x', 257), "bad_id", "dock_door is longer" },
        { "InboundAppointment", "starts_at", -5L, "time_range", "starts_at -5" },
        { "InboundAppointment", "ends_at", Later, "validity", "ends_at is not after starts_at" },
        { "InboundAppointment", "status", "UNKNOWN", "unknown_type", "status is UNKNOWN" },
    };

    [Theory]
    [MemberData(nameof(BadValues))]
    public async Task A_value_that_can_not_be_is_refused_and_its_place_named(string name, string place, object? value, string reason, string message)
    {
        var result = await ReadAsync(name, With(name, place, value));
        Assert.Null(result.Fact);
        Assert.Equal(reason, result.Reason.Code());
        Assert.Contains(message, result.Message, StringComparison.Ordinal);
        Assert.Equal(FolderRecords.SchemaId(name), result.SchemaId);
    }

    [Theory]
    [InlineData("PurchaseOrderEvent", "lines[0].ordered_qty", 0L)]
    [InlineData("ShipNotice", "lines[0].shipped_qty", 1_000_000L)]
    [InlineData("ShipNotice", "expected_ts", 10_382_255_999_999L)]
    [InlineData("InboundAppointment", "asn_id", null)]
    [InlineData("InboundAppointment", "dock_door", "")]
    public async Task A_value_at_the_edge_is_taken(string name, string place, object? value) => await GoodAsync(name, With(name, place, value));

    [Fact]
    public async Task A_purchase_order_may_have_no_lines_left() =>
        Assert.Empty(Assert.IsType<PurchaseOrderFact>(await GoodAsync("PurchaseOrderEvent", With("PurchaseOrderEvent", "lines", new List<object?>()))).Lines);

    [Fact]
    public async Task A_record_of_another_topic_is_refused()
    {
        var value = FolderRecords.Value("Vendor", new Dictionary<string, object?> { ["vendor_id"] = "V-1", ["name"] = "V", ["updated_at"] = Now });
        var result = await FolderRecords.PurchaseOrders().ReadAsync(FolderRecords.Record("purchase-orders", "P-1", value), CancellationToken.None);
        Assert.Equal(RejectReason.WrongRecord, result.Reason);
        Assert.Contains("expected PurchaseOrderEvent or ShipNotice or InboundAppointment", result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PurchaseOrderEvent")]
    [InlineData("ShipNotice")]
    [InlineData("InboundAppointment")]
    public async Task No_bytes_make_it_throw(string name)
    {
        var random = new Random(20262);
        var stage = FolderRecords.PurchaseOrders();
        var value = FolderRecords.Value(name, Good(name));
        for (var i = 0; i < 10_000; i++)
        {
            var result = await stage.ReadAsync(FolderRecords.Record("purchase-orders", "P-1", FolderRecords.Damage(random, value)), CancellationToken.None);
            Assert.Equal(result.Fact is null, result.Reason != RejectReason.None);
            Assert.Equal(result.Fact is null, result.Message.Length > 0);
        }
    }

    internal static Dictionary<string, object?> Notice() => new()
    {
        ["event_id"] = "E-2",
        ["event_ts"] = Now - 5,
        ["ingest_ts"] = Now,
        ["asn_id"] = "A-1",
        ["po_id"] = "P-1",
        ["vendor_id"] = "V-1",
        ["expected_ts"] = Later,
        ["lines"] = new List<object?> { NoticeLine(30), NoticeLine(10) },
    };

    private static Dictionary<string, object?> NoticeLine(long quantity) =>
        new() { ["po_line_id"] = "1", ["sku_id"] = "SKU-1", ["location_id"] = "DC-1", ["shipped_qty"] = quantity };

    private static async Task<InboundFact> GoodAsync(string name, Dictionary<string, object?> fields)
    {
        var result = await ReadAsync(name, fields);
        Assert.Equal((RejectReason.None, "", FolderRecords.SchemaId(name)), (result.Reason, result.Message, result.SchemaId));
        return result.Fact!;
    }

    private static ValueTask<DecodedFact<InboundFact>> ReadAsync(string name, Dictionary<string, object?> fields) =>
        FolderRecords.PurchaseOrders().ReadAsync(FolderRecords.Record("purchase-orders", "P-1", FolderRecords.Value(name, fields)), CancellationToken.None);

    private static Dictionary<string, object?> With(string name, string place, object? value)
    {
        var fields = Good(name);
        FolderRecords.Set(fields, place, value);
        return fields;
    }

    private static Dictionary<string, object?> Good(string name) => name switch { "ShipNotice" => Notice(), "InboundAppointment" => Appointment(), _ => Order() };

    private static Dictionary<string, object?> Order() => new()
    {
        ["event_id"] = "E-1",
        ["event_ts"] = Now - 5,
        ["ingest_ts"] = Now,
        ["po_id"] = "P-1",
        ["vendor_id"] = "V-1",
        ["status"] = "CONFIRMED",
        ["source_system"] = "ERP",
        ["lines"] = new List<object?>
        {
            new Dictionary<string, object?>
            {
                ["line_id"] = "1", ["sku_id"] = "SKU-1", ["location_id"] = "DC-1", ["ordered_qty"] = 40L, ["unit_cost"] = 1.25m, ["expected_date"] = new DateOnly(2027, 1, 20),
            },
            new Dictionary<string, object?> { ["line_id"] = "2", ["sku_id"] = "SKU-2", ["location_id"] = "DC-1", ["ordered_qty"] = 5L, ["received_qty"] = 6L },
        },
    };

    private static Dictionary<string, object?> Appointment() => new()
    {
        ["event_id"] = "E-3",
        ["event_ts"] = Now - 5,
        ["appointment_id"] = "AP-1",
        ["po_id"] = "P-1",
        ["asn_id"] = "A-1",
        ["location_id"] = "DC-1",
        ["dock_door"] = "D7",
        ["starts_at"] = Later,
        ["ends_at"] = Later + 1_800_000,
        ["status"] = "BOOKED",
    };
}
