using System.Collections.Concurrent;
using System.Globalization;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

[Collection(StockCollection.Name)]
public sealed class ReservationRaceTests(SharedClickHouse clickHouse)
{
    private const int Buyers = 500, Units = 100;

    /// <summary>Seeds of the race; more of them make the test longer and nothing else.</summary>
    private static readonly int Seeds = int.Parse(Environment.GetEnvironmentVariable("STOCKFLOW_RACE_SEEDS") ?? "20", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Buyers_who_race_for_the_last_units_get_each_unit_once_though_the_api_is_killed()
    {
        await using var run = await StockRun.StartAsync(clickHouse);
        var winners = new Dictionary<string, string[]>();
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var sku = $"RACE-{seed}";
            await run.StockAsync(sku, "L1", Units);
            winners[sku] = await RaceAsync(run, sku, seed);
        }

        await run.SettleAsync();
        foreach (var (sku, reservations) in winners)
        {
            Assert.Equal(Units, reservations.Distinct().Count());
            var atp = (await run.GetAsync($"/v1/atp/{sku}/L1")).Body;
            Assert.Equal((Units, (long)Units, 0L), ((long)atp["on_hand"]!, (long)atp["reserved"]!, (long)atp["available"]!));
            Assert.Equal(Units, (await run.PositionAsync(sku, "L1")).Reserved);
            var ledger = (await run.LedgerAsync(sku)).Where(row => row.Type == "RESERVE").ToArray();
            Assert.Equal(reservations.Order(StringComparer.Ordinal), ledger.Select(row => row.Reservation).Order(StringComparer.Ordinal));
            Assert.All(ledger, row => Assert.Equal(-1, row.Quantity));
            var listed = await ListAsync(run, sku);
            Assert.Equal(reservations.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
        }
    }

    private static async Task<string[]> RaceAsync(StockRun run, string sku, int seed)
    {
        var random = new Random(seed);
        var killAfter = random.Next(20, Buyers - 50);
        var answered = 0;
        var kill = new TaskCompletionSource();
        var won = new ConcurrentBag<string>();
        var lost = 0;
        var buyers = Enumerable.Range(0, Buyers).Select(async buyer =>
        {
            await Task.Yield();
            var answer = await run.InsistAsync("/v1/reservations", StockRun.Reserve(sku, "L1", 1), $"{sku}-{buyer}");
            if (Interlocked.Increment(ref answered) == killAfter)
            {
                kill.SetResult();
            }

            if (answer.Status == 201)
            {
                won.Add((string)answer.Body["reservation_id"]!);
            }
            else
            {
                Assert.Equal((409, "insufficient-stock"), (answer.Status, answer.Code));
                Interlocked.Increment(ref lost);
            }
        }).ToArray();
        await Task.WhenAny(kill.Task, Task.WhenAll(buyers));
        await run.KillAsync();
        await Task.WhenAll(buyers);
        Assert.Equal(Buyers - Units, lost);
        return [.. won];
    }

    private static async Task<List<string>> ListAsync(StockRun run, string sku)
    {
        var ids = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await run.GetAsync($"/v1/reservations?sku_id={sku}&limit=30{(cursor is null ? "" : "&cursor=" + cursor)}")).Body;
            ids.AddRange(page["items"]!.AsArray().Select(item => (string)item!["reservation_id"]!));
            cursor = (string?)page["next"];
        }
        while (cursor is not null);
        return ids;
    }
}
