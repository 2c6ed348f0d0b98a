using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

/// <summary>
/// What concurrent callers of several processors saw of one key can have happened one after another, though processors are killed and
/// reservations expire by being released.
/// </summary>
[Collection(StockCollection.Name)]
public sealed class LinearizabilityTests(SharedClickHouse clickHouse)
{
    private const int Callers = 6, CallsPerCaller = 24, Units = 12;
    private static readonly int Seeds = int.Parse(Environment.GetEnvironmentVariable("STOCKFLOW_LINEAR_SEEDS") ?? "4", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Reservations_releases_and_reads_of_one_key_are_linearizable_under_kills()
    {
        await using var run = await StockRun.StartAsync(clickHouse);
        await using var second = await run.Servers.StartProcessorAsync();
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var sku = $"LINE-{seed}";
            await run.StockAsync(sku, "L1", Units);
            run.Second = second;
            var (history, left) = await RecordAsync(run, sku, seed);
            run.Second = null;
            Assert.True(StockHistory.IsLinearizable(history, Units), $"seed {seed}: no order of these calls explains their answers:\n{string.Join('\n', history.OrderBy(call => call.Sent))}");
            Assert.Contains(history, call => call.Take > 0 && !call.Got && call.Answered != long.MaxValue);
            Assert.Equal(left, (long)(await run.GetAsync($"/v1/atp/{sku}/L1")).Body["available"]!);
        }

        second.Kill();
        await run.SettleAsync();
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var ledger = await run.LedgerAsync($"LINE-{seed}");
            Assert.Equal(ledger.Count, ledger.Select(row => row.EventId).Distinct().Count());
            Assert.Equal((await run.PositionAsync($"LINE-{seed}", "L1")).Reserved, -ledger.Where(row => row.Type is "RESERVE" or "RELEASE").Sum(row => row.Quantity));
        }
    }

    /// <summary>The checker must refuse what can not have happened.</summary>
    [Fact]
    public void Histories_that_can_not_have_happened_are_refused()
    {
        Assert.True(StockHistory.IsLinearizable([new(0, 9, 1, true, 0), new(1, 2, 0, true, 1), new(3, 4, 0, true, 0)], 1));
        Assert.False(StockHistory.IsLinearizable([new(0, 1, 1, true, 0), new(2, 3, 1, true, 0)], 1));
        Assert.False(StockHistory.IsLinearizable([new(0, 1, 1, true, 0), new(2, 3, 0, true, 1)], 1));
        Assert.False(StockHistory.IsLinearizable([new(0, 9, 1, true, 0), new(1, 2, 0, true, 0), new(3, 4, 0, true, 1)], 1));
        Assert.False(StockHistory.IsLinearizable([new(0, 1, 1, false, 0)], 1));
        Assert.True(StockHistory.IsLinearizable([new(0, long.MaxValue, 1, false, 0), new(5, 6, 0, true, 0)], 1));
        Assert.True(StockHistory.IsLinearizable([new(0, long.MaxValue, 1, false, 0), new(5, 6, 0, true, 1)], 1));
    }

    private static async Task<(List<StockCall> History, long Left)> RecordAsync(StockRun run, string sku, int seed)
    {
        var calls = new ConcurrentBag<StockCall>();
        var killAt = (Callers * CallsPerCaller / 3) + new Random(seed).Next(20);
        var made = 0;
        var kill = new TaskCompletionSource();
        var callers = Enumerable.Range(0, Callers).Select(async caller =>
        {
            var random = new Random((seed * 100) + caller);
            var mine = new List<(string Id, long Units)>();
            await Task.Yield();
            for (var i = 0; i < CallsPerCaller; i++)
            {
                if (Interlocked.Increment(ref made) == killAt)
                {
                    kill.SetResult();
                }

                await CallAsync(run, sku, $"{sku}-{caller}-{i}", random, mine, calls);
            }

            return mine.Sum(reservation => reservation.Units);
        }).ToArray();
        await kill.Task;
        await run.KillAsync();
        var taken = await Task.WhenAll(callers);
        return ([.. calls], Units - taken.Sum());
    }

    // A call whose connection broke is sent again under its key until it is answered: it counts from its first sending.
    private static async Task CallAsync(StockRun run, string sku, string key, Random random, List<(string Id, long Units)> mine, ConcurrentBag<StockCall> calls)
    {
        var kind = random.Next(10);
        if (kind < 3)
        {
            long sent;
            StockAnswer? read;
            do
            {
                sent = Stopwatch.GetTimestamp();
                read = await TryReadAsync(run, $"/v1/atp/{sku}/L1");
            }
            while (read is null);
            calls.Add(new StockCall(sent, Stopwatch.GetTimestamp(), 0, true, (long)read.Body["available"]!));
        }
        else if (kind < 6 && mine.Count > 0)
        {
            var given = mine[random.Next(mine.Count)];
            mine.Remove(given);
            var sent = Stopwatch.GetTimestamp();
            var answer = await run.InsistAsync($"/v1/reservations/{given.Id}/release", "{}", key);
            Assert.Equal(200, answer.Status);
            calls.Add(new StockCall(sent, Stopwatch.GetTimestamp(), -given.Units, true, 0));
        }
        else
        {
            var units = 1 + random.Next(4);
            var sent = Stopwatch.GetTimestamp();
            var answer = await run.InsistAsync("/v1/reservations", StockRun.Reserve(sku, "L1", units), key);
            var answered = Stopwatch.GetTimestamp();
            Assert.True(answer.Status is 201 or 409, $"{answer.Status} {answer.Body}");
            calls.Add(new StockCall(sent, answered, units, answer.Status == 201, 0));
            if (answer.Status == 201)
            {
                mine.Add(((string)answer.Body["reservation_id"]!, units));
            }
        }
    }

    private static async Task<StockAnswer?> TryReadAsync(StockRun run, string path)
    {
        try
        {
            return await run.GetAsync(path) is { Status: 200 } answer ? answer : null;
        }
        catch (Exception e) when (e is HttpRequestException or InvalidOperationException or TaskCanceledException)
        {
            await Task.Delay(20);
            return null;
        }
    }
}
