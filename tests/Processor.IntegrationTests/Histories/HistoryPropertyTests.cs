using System.Globalization;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Position;
using Stockflow.Serve;
using Stockflow.Window;
using Xunit;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>
/// Random histories in four orders of arrival, with duplicates, processors that die and closes that fail at any statement, all end where SQL over
/// the raw events ends, in DuckDB: positions, and the closed hours and days, which are closed and restated while the histories arrive.
/// STOCKFLOW_HISTORY_CASES runs more cases, in batches; a failure names its cases and how to run one of them alone.
/// </summary>
[Collection(RebuildCollection.Name)]
public sealed class HistoryPropertyTests(SharedClickHouse clickHouse)
{
    private const int Seed = 20_261_121, BatchCases = 500;

    // What is not sure to happen to a few cases is asked of many only.
    private const int ManyCases = 50;
    private static readonly string LastDay = Environment.GetEnvironmentVariable("STOCKFLOW_HISTORY_DAY") ?? DateTime.UtcNow.AddDays(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    private static readonly long UntilTs = new DateTimeOffset(DateTime.ParseExact(LastDay, "yyyy-MM-dd", CultureInfo.InvariantCulture), TimeSpan.Zero).AddDays(1).ToUnixTimeMilliseconds();
    private static readonly long EndTs = UntilTs - ClosePlan.Hour;

    /// <summary>First case, number of cases and order of each test. A case is in the same batch whichever are run.</summary>
    public static TheoryData<int, int, ArrivalOrder> Batches()
    {
        var batches = new TheoryData<int, int, ArrivalOrder>();
        var first = Setting("STOCKFLOW_HISTORY_FIRST", 0);
        for (var left = Setting("STOCKFLOW_HISTORY_CASES", 150); left > 0;)
        {
            var cases = Math.Min(left, BatchCases - (first % BatchCases));
            foreach (var order in Enum.GetValues<ArrivalOrder>())
            {
                batches.Add(first, cases, order);
            }

            (first, left) = (first + cases, left - cases);
        }

        return batches;
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public async Task Every_order_of_arrival_and_every_crash_ends_in_the_same_positions_and_closed_rows(int first, int cases, ArrivalOrder order)
    {
        var numbers = Enumerable.Range(first, cases).ToList();
        var random = RandomHistory.Seeded(Seed, first / BatchCases, -1 - (int)order);
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var client = servers.ClickHouseClient();
        using var feed = new HistoryFeed(servers.Kafka.Bootstrap);
        await feed.AnnounceAsync(numbers.Select(RandomHistory.Sku));
        var arrivals = numbers.SelectMany(number => RandomArrival.Of(Seed, number, order, EndTs)).OrderBy(arrival => arrival.At).ToList();
        var steps = RandomArrival.StepsOf(order, random, EndTs);
        var closer = new HistoryCloser(client, PipelineServers.Topic, random, locks: order == ArrivalOrder.ShuffledWithLocks);
        var ends = new List<long[]> { new long[PipelineServers.Partitions] };

        ProcessorProcess? processor = await servers.StartProcessorAsync("--kafka.batch-records", "256");
        try
        {
            for (var i = 0; i < steps.Count; i++)
            {
                var since = i == 0 ? 0 : steps[i - 1].Until;
                ends.Add(feed.Send(arrivals.Where(arrival => arrival.At >= since && arrival.At < steps[i].Until).Select(arrival => arrival.Event)));
                if (i == 2 && order != ArrivalOrder.Late)
                {
                    // Somewhere in the middle, with settlements under way.
                    await processor.WaitForAppliedAsync((ends[^1].Sum() + ends[^2].Sum()) / 2);
                    processor.Kill();
                    await processor.DisposeAsync();
                    processor = null;
                    processor = await servers.StartProcessorAsync();
                }

                if (i > 0)
                {
                    // What is durable is closed while this step still arrives.
                    await closer.StepAsync(steps[i].CloseTs, ends[..^1]);
                }

                await WaitAsync(processor, ends[^1], (lane, end) => lane.DurableOffset >= end);
            }

            await closer.FinishAsync(UntilTs, ends[^1]);
            await WaitAsync(processor, ends[^1], (lane, end) => lane.PositionOffset >= end && lane.DurableOffset >= end && lane.Unsettled == 0);
            await CheckAsync(servers, client, closer, order, numbers);
            Assert.Equal(0, await processor.StopAsync());
        }
        finally
        {
            if (processor is not null)
            {
                await processor.DisposeAsync();
            }
        }

        await client.ExecuteAsync($"DROP DATABASE {client.Database}");
    }

    private static async Task CheckAsync(PipelineServers servers, ClickHouseClient client, HistoryCloser closer, ArrivalOrder order, List<int> numbers)
    {
        var oracle = await HistoryOracle.AskAsync(numbers.SelectMany(number => RandomHistory.Make(Seed, number, EndTs)), UntilTs);
        var problems = Differences("positions", oracle["positions"], await PositionsAsync(servers));
        foreach (var table in ClosedRows.Tables)
        {
            problems.AddRange(Differences(table, oracle[table], await ClosedRows.ReadAsync(client, table)));
        }

        problems.AddRange(await ClosedRows.UnexplainedAsync(client));
        problems.AddRange((await closer.ChangedLocksAsync()).Select(sku => $"{sku}: rows of a locked period changed"));
        var seeds = problems.Select(problem => problem.Split(' ', ':')[0]).Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.True(problems.Count == 0, $"""
            Cases {string.Join(", ", seeds.Take(20))}{(seeds.Count > 20 ? ", ..." : "")} in the order {order}, {problems.Count} lines in all:
            {string.Join('\n', problems.Take(20))}
            To run the first alone: STOCKFLOW_HISTORY_DAY={LastDay} STOCKFLOW_HISTORY_FIRST={seeds.FirstOrDefault()?.Split('-')[^1]} STOCKFLOW_HISTORY_CASES=1 dotnet test tests/Processor.IntegrationTests --filter {nameof(HistoryPropertyTests)}
            """);

        var (restated, posted) = (await client.QueryScalarAsync<long>("SELECT count() FROM restatements_current"), await client.QueryScalarAsync<long>("SELECT count() FROM period_postings_current"));
        var many = numbers.Count >= ManyCases;
        Assert.True(!many || restated > numbers.Count, $"only {restated} restatements");
        Assert.True(order == ArrivalOrder.ShuffledWithLocks ? !many || posted > 0 : posted == 0, $"{posted} postings");
    }

    private static List<string> Differences(string table, string[] expected, List<string> found)
    {
        var (missing, more) = (expected.Except(found), found.Except(expected));
        var twice = found.Count - found.Distinct().Count();
        return
        [
            .. missing.Select(line => $"{line} expected in {table}").Concat(more.Select(line => $"{line} found in {table}")).Order(StringComparer.Ordinal),
            .. twice > 0 ? [$"{found.GroupBy(line => line).First(same => same.Count() > 1).Key} twice in {table}"] : Array.Empty<string>(),
        ];
    }

    private static async Task<List<string>> PositionsAsync(PipelineServers servers)
    {
        await using var store = new RedisPositionStore(servers.Redis.Positions, TimeProvider.System);
        var found = new List<string>();
        await foreach (var (sku, location, state) in store.ScanAsync(default))
        {
            found.Add(string.Create(CultureInfo.InvariantCulture,
                $"{sku} {location} {state.OnHand} {state.Unsellable} {state.Reserved} {state.InTransitIn} {state.InTransitOut} {state.LastCountTs} {state.LastCountQty}"));
        }

        return found;
    }

    private static Task<StatusPayload> WaitAsync(ProcessorProcess processor, long[] ends, Func<LanePayload, long, bool> condition) => processor.WaitUntilAsync(status =>
        ends.Select((end, partition) => end == 0 || status.Lanes.Any(lane => lane.Partition == partition && condition(lane, end))).All(met => met));

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
