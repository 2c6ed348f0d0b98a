using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Xunit;

namespace Stockflow.IntegrationTests.Reads;

/// <summary>What settles positions against the views, which know nothing of how it is asked: any SKUs, each as of any offset, over a ledger in which corrections and duplicates are common.</summary>
public sealed class LedgerReaderTests
{
    private const int Rounds = 15, Skus = 60;

    private const string Everything = "topic = 't', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = {before:Array(Int64)}, known_at = '2299-12-31 00:00:00'";

    private const string PositionsSql = $$"""
        SELECT sku_id, location, last_count_ts, last_count_qty, on_hand, unsellable, reserved, in_transit_in, in_transit_out, last_event_ts, version
        FROM positions_as_of({{Everything}}, until = '2299-12-31 00:00:00')
        WHERE (sku_id, location) IN
        (
            SELECT arrayJoin(arrayZip({asked_skus:Array(String)}, {asked_locations:Array(String)}))
            UNION ALL
            SELECT (sku_id, arrayJoin(if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN'), [toString(location_id), toString(counterpart_location_id)], [toString(location_id)]))) FROM ledger
            WHERE sku_id IN {skus:Array(String)} AND movement_type != 'CORRECTION' AND (sku_id, event_id) IN
            (
                SELECT sku_id, root_id FROM corrections_resolved({{Everything}})
                WHERE offset >= {from:Array(Int64)}[indexOf({skus:Array(String)}, sku_id)]
            )
            AND offset < {before:Array(Int64)}[indexOf({skus:Array(String)}, sku_id)]
        )
        """;

    private const string HeldSql = $"SELECT DISTINCT sku_id, awaited_event_id FROM corrections_held({Everything})";

    [Fact]
    public async Task Answers_are_those_of_the_views()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(20_261_123);
        var ledger = new RandomLedger(11, Skus, rowsPerSku: 30);
        await ledger.InsertAsync(client, random);
        var bySku = ledger.Rows.ToLookup(row => row.Sku);
        var reader = new LedgerReader(client);
        var (positions, awaited) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            // A lane that was lost and taken again asks about its SKUs while its former question may still wait.
            var (former, later) = (Questions(), Questions());
            using var ended = new CancellationTokenSource();
            var predecessor = reader.AskAsync("t", 0, former, ended.Token);
            var asking = reader.AskAsync("t", 0, later, CancellationToken.None);
            if (round % 2 == 0)
            {
                await ended.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => predecessor);
            }
            else
            {
                await VerifyAsync(round, former, await predecessor);
            }

            await VerifyAsync(round, later, await asking);
        }

        Assert.True(positions > Rounds * 30 && awaited > Rounds, $"{positions} positions, {awaited} awaited events");

        LedgerQuestion[] Questions() => [.. Enumerable.Range(0, Skus).Where(_ => random.Next(2) == 0).Select(sku => new LedgerQuestion(
            $"S'{sku}", [.. new[] { "L0", "L1", "L2", "nowhere" }.Where(_ => random.Next(3) == 0)],
            random.Next(2) == 0 ? long.MaxValue : OffsetOf(sku), random.Next(3) == 0 ? long.MaxValue : OffsetOf(sku)))];

        long OffsetOf(int sku) => bySku[$"S'{sku}"].ElementAt(random.Next(30)).Offset;

        async Task VerifyAsync(int round, LedgerQuestion[] questions, IReadOnlyList<LedgerAnswer> answers)
        {
            var expected = await ExpectedAsync(client, questions);
            for (var i = 0; i < questions.Length; i++)
            {
                var found = answers[i].Positions.ToDictionary(position => position.LocationId, position => position.State);
                foreach (var (location, state) in expected.Positions.Where(pair => pair.Key.SkuId == questions[i].SkuId).Select(pair => (pair.Key.LocationId, pair.Value)))
                {
                    Assert.True(found.Remove(location, out var told) && told == state, $"round {round}, {questions[i]}, {location}: expected {state}, found {told}");
                    positions++;
                }

                Assert.Empty(found);
                Assert.Equal(expected.Awaited[questions[i].SkuId].ToHashSet(), answers[i].Awaited.ToHashSet());
                awaited += answers[i].Awaited.Count;
            }
        }
    }

    private static async Task<(Dictionary<PositionKey, PositionState> Positions, ILookup<string, UInt128> Awaited)> ExpectedAsync(ClickHouseClient client, LedgerQuestion[] questions)
    {
        var asked = questions.SelectMany(q => q.Locations.Select(location => (q.SkuId, Location: location))).ToArray();
        var parameters = new Dictionary<string, object?>
        {
            ["skus"] = Array.ConvertAll(questions, q => q.SkuId),
            ["before"] = Array.ConvertAll(questions, q => q.BeforeOffset),
            ["from"] = Array.ConvertAll(questions, q => q.FromOffset),
            ["asked_skus"] = Array.ConvertAll(asked, a => a.SkuId),
            ["asked_locations"] = Array.ConvertAll(asked, a => a.Location),
        };
        var positions = new Dictionary<PositionKey, PositionState>();
        await foreach (var row in client.QueryAsync(PositionsSql, parameters))
        {
            var position = LedgerSnapshot.Read(row);
            positions.Add(new PositionKey(position.SkuId, position.LocationId), position.State);
        }

        var awaited = new List<(string Sku, UInt128 Event)>();
        await foreach (var row in client.QueryAsync(HeldSql, parameters))
        {
            awaited.Add((row.Get<string>(0)!, SipHash128.Hash(System.Text.Encoding.UTF8.GetBytes(row.Get<string>(1)!))));
        }

        return (positions, awaited.ToLookup(each => each.Sku, each => each.Event));
    }
}
