using System.Text;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class InboundFactTests
{
    private const long Hour = 3_600_000;
    private static readonly DateOnly Day = new(2026, 3, 10);
    private readonly StockBench bench = new();
    private readonly long start;

    public InboundFactTests() => start = bench.Store.NowTs - (24 * Hour);

    [Fact]
    public async Task The_stream_makes_and_moves_an_order()
    {
        await bench.ApplyAsync(Order(1, PurchaseOrderStatus.Draft, Line(100)));
        Assert.Empty(bench.Store.Dated);
        await bench.ApplyAsync(Order(2, PurchaseOrderStatus.Sent, Line(100)));
        Assert.Equal(100, Assert.Single(bench.Store.Dated).Quantity);
        await bench.ApplyAsync(Order(3, PurchaseOrderStatus.PartiallyReceived, Line(100, 30)));
        Assert.Equal(70, Assert.Single(bench.Store.Dated).Quantity);
        await bench.ApplyAsync(Order(4, PurchaseOrderStatus.Received, Line(100, 99)));
        Assert.Empty(bench.Store.Dated);
        var order = await GetAsync();
        Assert.Equal((PurchaseOrder.AllReceived, "ERP", "V1"), (order.State, order.CreatedBy, order.VendorId));
        Assert.Empty(bench.Store.Moves);
    }

    [Fact]
    public async Task A_fact_counts_once_and_an_older_one_not_at_all()
    {
        await bench.ApplyAsync(Order(5, PurchaseOrderStatus.Confirmed, Line(50)));
        var revision = (await bench.ApplyAsync(Order(5, PurchaseOrderStatus.Confirmed, Line(50)))).Revision;
        Assert.Equal(1, revision);
        bench.Pass(TimeSpan.FromDays(2));
        Assert.Equal(1, (await bench.ApplyAsync(Order(5, PurchaseOrderStatus.Confirmed, Line(50)))).Revision);
        Assert.Equal(1, (await bench.ApplyAsync(Order(2, PurchaseOrderStatus.Cancelled, Line(80)))).Revision);
        Assert.Equal((PurchaseOrder.Confirmed, 50L), ((await GetAsync()).State, (await GetAsync()).Lines[0].Ordered));
    }

    [Fact]
    public async Task Of_units_received_the_most_counts()
    {
        await bench.ApplyAsync(Order(1, PurchaseOrderStatus.Confirmed, Line(100)));
        await bench.DoAsync(bench.Orders.ReceiveAsync, new PurchaseReceiptRequest([new PurchaseReceiptLine("1", 30)]), "P1");

        // The source system tells the same receipt back, then one that it alone knows of, then an older event with more.
        await bench.ApplyAsync(Order(2, PurchaseOrderStatus.Confirmed, Line(100, 30)));
        Assert.Equal((30L, 30L), Units(await GetAsync()));
        await bench.ApplyAsync(Order(4, PurchaseOrderStatus.Confirmed, Line(100, 40)));
        Assert.Equal((40L, 30L), Units(await GetAsync()));
        await bench.ApplyAsync(Order(3, PurchaseOrderStatus.Confirmed, Line(100, 45)));
        Assert.Equal((45L, 30L), Units(await GetAsync()));
        await bench.ApplyAsync(Order(5, PurchaseOrderStatus.Confirmed, Line(100)));
        Assert.Equal((45L, 30L), Units(await GetAsync()));
        Assert.Equal(PurchaseOrder.PartiallyReceived, (await GetAsync()).State);
        Assert.Equal(55, Assert.Single(bench.Store.Dated).Quantity);
        Assert.Single(bench.Store.Moves);
    }

    [Fact]
    public async Task A_line_that_moves_or_goes_takes_its_promise_along()
    {
        await bench.ApplyAsync(Order(1, PurchaseOrderStatus.Confirmed, Line(100), Line(20, id: "2")));
        await bench.ApplyAsync(Order(2, PurchaseOrderStatus.Confirmed, Line(100) with { LocationId = "S1" }));
        Assert.Equal(("S1", "po:P1:1"), (Assert.Single(bench.Store.Dated).LocationId, bench.Store.Dated.Single().Source));

        await bench.DoAsync(bench.Orders.ReceiveAsync, new PurchaseReceiptRequest([new PurchaseReceiptLine("1", 10)]), "P1");
        await bench.ApplyAsync(Order(3, PurchaseOrderStatus.Confirmed, Line(5, id: "9")));
        var order = await GetAsync();
        Assert.Equal(["9", "1"], order.Lines.Select(line => line.LineId));
        Assert.True(order.Lines[1].ClosedShort);
        Assert.Equal("po:P1:9", Assert.Single(bench.Store.Dated).Source);
    }

    [Fact]
    public async Task A_later_decision_here_outlasts_an_earlier_one_of_the_stream()
    {
        await bench.ApplyAsync(Order(1, PurchaseOrderStatus.Confirmed, Line(100)));
        await bench.DoAsync(bench.Orders.CloseAsync, new EndRequest(), "P1");
        await bench.ApplyAsync(Order(2, PurchaseOrderStatus.Confirmed, Line(90)));
        Assert.Equal((PurchaseOrder.Closed, 90L), ((await GetAsync()).State, (await GetAsync()).Lines[0].Ordered));
        Assert.Empty(bench.Store.Dated);
        await bench.ApplyAsync(Order(25, PurchaseOrderStatus.Confirmed, Line(90)));
        Assert.Equal(PurchaseOrder.Confirmed, (await GetAsync()).State);
        Assert.Equal(90, Assert.Single(bench.Store.Dated).Quantity);
    }

    [Fact]
    public async Task A_ship_notice_and_an_appointment_tell_the_time_better()
    {
        var eta = start + (48 * Hour);
        await bench.ApplyAsync(Notice(1, "N1", eta, 100));
        Assert.Equal(PurchaseOrder.Unknown, (await GetAsync()).State);
        Assert.Empty(bench.Store.Dated);
        await bench.ApplyAsync(Order(2, PurchaseOrderStatus.Sent, Line(100)));
        Assert.Equal(eta, Due());
        await bench.ApplyAsync(Appointment(3, "N1", eta + (2 * Hour), AppointmentStatus.Booked));
        Assert.Equal(eta + (2 * Hour), Due());
        await bench.ApplyAsync(Appointment(2, "N1", eta + (9 * Hour), AppointmentStatus.Booked));
        Assert.Equal(eta + (2 * Hour), Due());
        await bench.ApplyAsync(Appointment(4, "N1", eta + (2 * Hour), AppointmentStatus.Cancelled));
        Assert.Equal(eta, Due());
        await bench.ApplyAsync(Notice(5, "N1", eta + Hour, 100));
        Assert.Equal(eta + Hour, Due());
    }

    [Fact]
    public async Task What_a_notice_leaves_out_comes_on_the_expected_day()
    {
        var eta = start + (48 * Hour);
        var endOfDay = new DateTimeOffset(Day, new TimeOnly(23, 59, 59, 999), TimeSpan.Zero).ToUnixTimeMilliseconds();
        await bench.ApplyAsync(Order(1, PurchaseOrderStatus.Sent, Line(100)));
        await bench.ApplyAsync(Notice(2, "N1", eta, 60));
        Assert.Equal(endOfDay, Due());
        await bench.ApplyAsync(Notice(3, "N2", eta + Hour, 40));
        Assert.Equal(eta + Hour, Due());
        await bench.ApplyAsync(Order(4, PurchaseOrderStatus.Sent, Line(100) with { ExpectedDate = null }));
        Assert.Equal(eta + Hour, Due());
        await bench.ApplyAsync(Order(5, PurchaseOrderStatus.Sent, Line(200) with { ExpectedDate = null }));
        Assert.Equal(eta + Hour, Due());
    }

    [Fact]
    public async Task An_order_made_here_keeps_the_notices_that_came_before_it()
    {
        var eta = start + (48 * Hour);
        await bench.ApplyAsync(Notice(1, "N1", eta, 10));
        await bench.DoAsync(bench.Orders.CreateAsync, new PurchaseOrderRequest("P1", "V1", [new PurchaseOrderLineRequest("1", "A", "DC", 10, Day)]));
        Assert.Equal(eta, Due());
    }

    [Fact]
    public async Task A_notice_without_an_order_goes_when_it_is_old()
    {
        await bench.ApplyAsync(Notice(1, "N1", start, 10));
        bench.Pass(TimeSpan.FromDays(bench.Options.RetainDays));
        await bench.SweepAsync();
        Assert.Empty(bench.Store.Documents);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_order_and_any_repetition_give_the_same(int seed)
    {
        var eta = start + (48 * Hour);
        InboundFact[] facts =
        [
            Order(1, PurchaseOrderStatus.Sent, Line(100)), Order(2, PurchaseOrderStatus.Confirmed, Line(100), Line(7, id: "2")), Order(3, PurchaseOrderStatus.Confirmed, Line(120, 20), Line(7, 2, "2")),
            Order(3, PurchaseOrderStatus.Confirmed, Line(121, 20), Line(7, 2, "2")) with { EventId = "z" },
            Notice(2, "N1", eta, 50), Notice(4, "N1", eta + Hour, 60), Notice(3, "N2", eta + (2 * Hour), 10), Appointment(3, "N1", eta, AppointmentStatus.Booked), Appointment(5, "N1", eta, AppointmentStatus.NoShow),
        ];
        string? first = null;
        var random = new Random(seed);
        for (var run = 0; run < 25; run++)
        {
            var other = new StockBench();
            InboundFact[] shuffled = [.. facts, .. facts.Where(_ => random.Next(2) == 0)];
            random.Shuffle(shuffled);
            foreach (var fact in shuffled)
            {
                Assert.False((await other.ApplyAsync(fact)).IsRefused);
            }

            var order = await other.GetAsync(other.Orders.Documents, "P1") with { CreatedAt = default, CreatedBy = "" };
            var text = Encoding.UTF8.GetString(other.Orders.Documents.Serialize(order)) + string.Join("; ", other.Store.Dated.OrderBy(d => d.Source, StringComparer.Ordinal));
            Assert.Equal(first ??= text, text);
        }
    }

    private long Due() => Assert.Single(bench.Store.Dated).DueTs;

    private static (long Received, long Posted) Units(PurchaseOrder order) => (order.Lines[0].Received, order.Lines[0].Posted);

    private PurchaseOrderFact Order(int hour, PurchaseOrderStatus status, params PurchaseOrderFactLine[] lines) =>
        new($"order-{hour}-{status}-{lines[0].Ordered}", start + (hour * Hour), start + (hour * Hour), "P1", "V1", status, "ERP", lines);

    private static PurchaseOrderFactLine Line(long ordered, long received = 0, string id = "1") => new(id, "A", "DC", ordered, received, 125_000, Day);

    private ShipNoticeFact Notice(int hour, string id, long eta, long units) =>
        new($"notice-{hour}-{id}", start + (hour * Hour), start, id, "P1", "V1", eta, [new ShipNoticeFactLine("1", "A", "DC", units - 1), new ShipNoticeFactLine("1", "A", "DC", 1)]);

    private AppointmentFact Appointment(int hour, string notice, long endsAt, AppointmentStatus status) =>
        new($"appointment-{hour}", start + (hour * Hour), "D1", "P1", notice, "DC", null, endsAt - Hour, endsAt, status);

    private Task<PurchaseOrder> GetAsync() => bench.GetAsync(bench.Orders.Documents, "P1");
}
