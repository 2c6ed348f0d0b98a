using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class AllocationTests
{
    private static readonly GeoPoint Berlin = new(52.52, 13.405), Hamburg = new(53.551, 9.994), Munich = new(48.137, 11.575), Cologne = new(50.938, 6.96);
    private static readonly AllocationOptions Options = new();

    [Theory]
    [InlineData(4, 2, 4, 2500)]
    [InlineData(5, 3, 2, 600)]
    [InlineData(7, 1, 3, 600)]
    public void Small_orders_get_the_plan_that_trying_everything_finds(int sites, int skus, int quantity, int cases)
    {
        var complete = 0;
        for (var seed = 0; seed < cases; seed++)
        {
            var trial = AllocationCase.Random(new Random(seed), sites, skus, quantity);
            var plan = trial.Plan();
            Assert.Empty(trial.Faults(plan));
            Assert.True(plan.IsExact);
            Assert.True(trial.Best() == (plan.Allocated, plan.Shipments.Count, plan.Cost), $"seed {seed}: {trial.Best()} against {(plan.Allocated, plan.Shipments.Count, plan.Cost)}");
            complete += plan.Unallocated.Count == 0 ? 1 : 0;
        }

        Assert.InRange(complete, cases / 10, cases * 9 / 10);
    }

    // The way for many locations, made to take few for many.
    [Fact]
    public void Many_locations_get_a_plan_that_holds_and_ships_the_most_where_shipments_are_not_bounded()
    {
        var (asGood, all) = (0, 0);
        for (var seed = 0; seed < 1500; seed++)
        {
            var trial = AllocationCase.Random(new Random(seed), 6, 2, 3, exactLocations: 1 + (seed % 3));
            var plan = trial.Plan();
            var best = trial.Best();
            Assert.Empty(trial.Faults(plan));
            Assert.True(plan.Allocated <= best.Units);
            if (trial.Order.MaximumShipments >= trial.Sites.Length)
            {
                Assert.Equal(best.Units, plan.Allocated);
            }

            if (plan.IsExact)
            {
                Assert.Equal(best, (plan.Allocated, plan.Shipments.Count, plan.Cost));
            }

            all++;
            asGood += best == (plan.Allocated, plan.Shipments.Count, plan.Cost) ? 1 : 0;
        }

        Assert.True(asGood > all * 9 / 10, $"{asGood} of {all} are as good as can be");
    }

    [Fact]
    public void Large_orders_keep_the_bounds_and_come_out_the_same_each_time()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var trial = AllocationCase.Random(new Random(seed), 300, 40, 30);
            var plan = trial.Plan();
            Assert.Empty(trial.Faults(plan));
            var again = (trial with { Sites = [.. trial.Sites.Reverse()], Stock = [.. trial.Stock.Reverse()] }).Plan();
            Assert.Equal(plan.Shipments.SelectMany(shipment => shipment.Lines.Select(line => (shipment.LocationId, line))), again.Shipments.SelectMany(shipment => shipment.Lines.Select(line => (shipment.LocationId, line))));
        }
    }

    // A location gives up one SKU, which another has too, for one that it alone has.
    [Fact]
    public void Bound_locations_ship_what_the_others_lack()
    {
        var plan = Plan(
            Order([("tea", 5), ("milk", 5)]),
            [new("Hamburg", Hamburg, UnitsLeft: 5), new("Munich", Munich, UnitsLeft: 5)],
            [new("tea", "Hamburg", 5), new("milk", "Hamburg", 5), new("tea", "Munich", 5)]);
        Assert.Equal(10, plan.Allocated);
        Assert.Equal([("Hamburg", "milk", 5L), ("Munich", "tea", 5L)], Units(plan));
    }

    [Fact]
    public void Two_lines_of_one_SKU_share_what_there_is()
    {
        var plan = Plan(Order([("tea", 5), ("tea", 5)]), [new("Hamburg", Hamburg)], [new("tea", "Hamburg", 7)]);
        Assert.Equal([("Hamburg", "tea", 5L), ("Hamburg", "tea", 2L)], Units(plan));
        Assert.Equal([new AllocationLine("2", "tea", 3)], plan.Unallocated);
    }

    [Fact]
    public void The_nearest_with_the_full_quantity_ships_and_nearer_ones_are_explained()
    {
        var plan = Plan(
            Order([("tea", 40)]),
            [new("Hamburg", Hamburg, UnitsLeft: 3), new("Cologne", Cologne), new("Munich", Munich), new("Berlin", Berlin, ShipmentsLeft: 0), new("Store", null)],
            [new("tea", "Hamburg", 99), new("tea", "Cologne", 50), new("tea", "Munich", 60), new("tea", "Berlin", 70), new("tea", "Store", 5)]);
        Assert.Equal([("Cologne", "tea", 40L)], Units(plan));
        Assert.Equal(
            ["Cologne is nearest with the full quantity (477.3 km)", "Berlin skipped: no shipment is left", "Store skipped: its latitude and longitude are not known", "Hamburg skipped: capacity left 3 of 40 units"],
            plan.Reasons);
        Assert.True(plan.IsExact);
    }

    [Fact]
    public void A_busy_location_gives_way_to_an_idle_one_that_is_a_little_farther()
    {
        var plan = Plan(Order([("tea", 1)]), [new("Hamburg", Hamburg, Workload: 1), new("Cologne", Cologne)], [new("tea", "Hamburg", 1), new("tea", "Cologne", 1)]);
        Assert.Equal("Cologne", Assert.Single(plan.Shipments).LocationId);
        Assert.StartsWith("Cologne costs least with the full quantity: ", plan.Reasons[0], StringComparison.Ordinal);
        Assert.Contains("from Hamburg at 255.", plan.Reasons[0], StringComparison.Ordinal);
        Assert.StartsWith("Hamburg skipped: it costs ", plan.Reasons[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Fewest_shipments_or_least_cost_as_the_setting_says()
    {
        AllocationSite[] sites = [new("Berlin-1", Berlin), new("Berlin-2", Berlin), new("Munich", Munich)];
        AvailableStock[] stock = [new("tea", "Berlin-1", 5), new("tea", "Berlin-2", 5), new("tea", "Munich", 10)];
        Assert.Equal([("Munich", "tea", 10L)], Units(Plan(Order([("tea", 10)]), sites, stock)));
        var cheap = Plan(Order([("tea", 10)]), sites, stock, Options with { PreferFewestShipments = false, PerShipment = 1, PerKilometre = 0.1 });
        Assert.Equal([("Berlin-1", "tea", 5L), ("Berlin-2", "tea", 5L)], Units(cheap));
        Assert.Contains("at the least cost", cheap.Reasons[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_bound_on_shipments_and_a_complete_order_are_explained()
    {
        AllocationSite[] sites = [new("Berlin", Berlin), new("Hamburg", Hamburg)];
        AvailableStock[] stock = [new("tea", "Berlin", 5), new("tea", "Hamburg", 5)];
        var one = Plan(Order([("tea", 10)]) with { MaximumShipments = 1 }, sites, stock);
        Assert.Equal((5, 1), (one.Allocated, one.Shipments.Count));
        Assert.Contains("5 of 10 units are left over: with more than 1 shipment up to 10 units could be shipped", one.Reasons);
        Assert.Contains("Hamburg skipped: it has 5 of 10 units", one.Reasons);
        var none = Plan(Order([("tea", 11)]) with { ShipComplete = true }, sites, stock);
        Assert.Equal((0, 0), (none.Allocated, none.Shipments.Count));
        Assert.Equal([new AllocationLine("1", "tea", 11)], none.Unallocated);
        Assert.Contains("1 of 11 units are left over: no location has more of them to ship", none.Reasons);
        Assert.Contains("Nothing is allocated, because the order ships complete or not at all", none.Reasons);
        Assert.Equal(["No location can ship any of it"], Plan(Order([("tea", 1)]), [], []).Reasons.Take(1));
    }

    // Against the angle between the points' vectors, and distances from maps.
    [Fact]
    public void Distances_are_those_of_the_great_circle()
    {
        Assert.Equal(504, Berlin.KilometresTo(Munich), 0);
        Assert.Equal(0, Berlin.KilometresTo(Berlin));
        Assert.Equal(20015, new GeoPoint(0, 0).KilometresTo(new GeoPoint(0, 180)), 0);
        Assert.Equal(20015, new GeoPoint(90, 0).KilometresTo(new GeoPoint(-90, 77)), 0);
        var random = new Random(4);
        for (var i = 0; i < 1000; i++)
        {
            GeoPoint a = new((random.NextDouble() * 180) - 90, (random.NextDouble() * 360) - 180), b = new((random.NextDouble() * 180) - 90, (random.NextDouble() * 360) - 180);
            var (u, v) = (Vector(a), Vector(b));
            var cosine = u.Zip(v, (x, y) => x * y).Sum();
            Assert.Equal(6371.0088 * Math.Acos(Math.Clamp(cosine, -1, 1)), a.KilometresTo(b), 0.01);
            Assert.Equal(a.KilometresTo(b), b.KilometresTo(a), 6);
        }

        static double[] Vector(GeoPoint p)
        {
            var (latitude, longitude) = (p.Latitude * Math.PI / 180, p.Longitude * Math.PI / 180);
            return [Math.Cos(latitude) * Math.Cos(longitude), Math.Cos(latitude) * Math.Sin(longitude), Math.Sin(latitude)];
        }
    }

    [Theory]
    [InlineData(-1, 0, 0, 1, 1, "allocation.perKilometre")]
    [InlineData(0, double.NaN, 0, 1, 1, "allocation.perShipment")]
    [InlineData(0, 0, 2_000_000, 1, 1, "allocation.loadPenalty")]
    [InlineData(0, 0, 0, 0, 1, "allocation.maximumShipments")]
    [InlineData(0, 0, 0, 1, 15, "allocation.exactLocations")]
    public void A_setting_that_can_not_work_is_named(double perKilometre, double perShipment, double loadPenalty, int shipments, int exact, string name)
    {
        var options = new AllocationOptions
        {
            PerKilometre = perKilometre,
            PerShipment = perShipment,
            LoadPenalty = loadPenalty,
            MaximumShipments = shipments,
            ExactLocations = exact,
        };
        Assert.Contains(name, Assert.Throws<SetupException>(options.Validate).Message, StringComparison.Ordinal);
        new AllocationOptions().Validate();
    }

    private static AllocationOrder Order((string Sku, long Quantity)[] lines) =>
        new(Berlin, [.. lines.Select((line, i) => new AllocationLine($"{i + 1}", line.Sku, line.Quantity))], ShipComplete: false, MaximumShipments: 5);

    private static AllocationPlan Plan(AllocationOrder order, AllocationSite[] sites, AvailableStock[] stock, AllocationOptions? options = null)
    {
        var trial = new AllocationCase(order, sites, stock, options ?? Options);
        var plan = trial.Plan();
        Assert.Empty(trial.Faults(plan));
        return plan;
    }

    private static IEnumerable<(string, string, long)> Units(AllocationPlan plan) =>
        plan.Shipments.SelectMany(shipment => shipment.Lines.Select(line => (shipment.LocationId, line.SkuId, line.Quantity)));
}
