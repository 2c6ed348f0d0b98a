using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.IntegrationTests.Close;

/// <summary>Measures of small ledgers whose answers are plain to see.</summary>
public sealed class CloseMeasuresTests
{
    private const long Hour = ClosePlan.Hour, Minute = 60_000;

    // 2026-03-02 00:00, a Monday.
    private const long Start = 1_772_409_600_000;

    [Fact]
    public async Task An_hour_has_every_measure()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        CloseFact[] facts =
        [
            new(MovementType.Receipt, Start + (5 * Minute), 10, "a"),
            new(MovementType.Sale, Start + (10 * Minute), -2, "b") { Reference = "R1", Price = 5, Discount = 1.5m },
            new(MovementType.Sale, Start + (20 * Minute), -3, "c") { Reference = "R1", Price = 4, Promo = "P" },
            new(MovementType.Sale, Start + (30 * Minute), -5, "d") { Reference = "R2" },
            new(MovementType.Return, Start + (45 * Minute), 1, "e") { Price = 4 },
            new(MovementType.Sale, Start + (50 * Minute), -1, "f") { Reference = "R3", Price = 7 },
            new(MovementType.Correction, Start + (3 * Hour), 0, "g") { Corrects = "f" },
        ];
        await CloseFact.InsertAsync(client, facts, 0, Start);

        var outcome = await Close(client).RunAsync(Start + (2 * Hour) + 1, Through(facts.Length), default);

        Assert.Equal(Start + (2 * Hour), outcome.ThroughTs);
        var row = (await CloseTables.DemandAsync(client, "demand_hourly"))[new RowKey("SKU", "L1", Start)];
        // Out of stock from 30 to 45; the sale at 50 was voided, so its order does not count.
        Assert.Equal(new DemandRow(7, 10, 1, 2, 23.5m, 1.5m, 18, 5, 3, 15 * Minute, 55 * Minute), row);
        Assert.Equal(new PositionRow(1, 0, 0, 0, 0, 0), (await CloseTables.PositionsAsync(client))[new RowKey("SKU", "L1", Start)]);
        Assert.Equal(1 - (15 / 55.0), await client.QueryScalarAsync<double>("SELECT in_stock_share FROM demand_hourly_current"), 9);
    }

    private static HourClose Close(IClickHouse clickHouse) => new(new CloseLedger(clickHouse, "t"), new CloseOptions(), _ => Task.FromResult(true));

    private static Dictionary<int, long> Through(long offset) => new() { [0] = offset };
}
