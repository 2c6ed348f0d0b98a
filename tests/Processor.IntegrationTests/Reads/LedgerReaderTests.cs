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

    private const string MovesSql = $$"""
        SELECT sku_id, toString(location_id), toUnixTimestamp64Milli(event_ts), qty_delta
        FROM ledger_effective({{Everything}}, since = '1970-01-01 00:00:00', until = '2299-12-31 00:00:00')
        WHERE stocked = 1 AND movement_type IN ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP')
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
        var (positions, counts, awaited) = (0, 0, 0);
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

        Assert.True(positions > Rounds * 20 && counts > Rounds * 15 && awaited > Rounds, $"{positions} positions, {counts} counts, {awaited} awaited events");

        LedgerQuestion[] Questions() => [.. Enumerable.Range(0, Skus).Where(_ => random.Next(2) == 0).Select(Question)];

        LedgerQuestion Question(int sku)
        {
            string[] places = [.. new[] { "L0", "L1", "L2", "nowhere" }.Where(_ => random.Next(3) == 0)];
            var before = random.Next(3) == 0 ? long.MaxValue : OffsetOf(sku);
            return places.Length > 0 && random.Next(2) == 0
                ? new LedgerQuestion($"S'{sku}", [], [.. places.Select(place => new LateCount(place, bySku[$"S'{sku}"].ElementAt(random.Next(30)).EventTs))], long.MaxValue, before)
                : new LedgerQuestion($"S'{sku}", places, [], random.Next(2) == 0 ? long.MaxValue : OffsetOf(sku), before);
        }

        long OffsetOf(int sku) => bySku[$"S'{sku}"].ElementAt(random.Next(30)).Offset;

        async Task VerifyAsync(int round, LedgerQuestion[] questions, IReadOnlyList<LedgerAnswer> answers)
        {
            var expected = await ExpectedAsync(client, questions);
            for (var i = 0; i < questions.Length; i++)
            {
                if (questions[i].Counts.Count > 0)
                {
                    var moves = expected.Moves[questions[i].SkuId];
                    Assert.Equal(questions[i].Counts.Select(count => moves.Where(move => move.Location == count.LocationId && move.EventTs > count.EventTs).Sum(move => move.Qty)), answers[i].Since);
                    Assert.Empty(answers[i].Positions);
                    counts += questions[i].Counts.Count;
                    continue;
                }

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

    [Fact]
    public async Task A_correction_of_another_sku_changes_nothing_after_a_count()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        await new Row(0, "sale", RandomLedger.Start + 1, RandomLedger.Start, "A", "L", "SALE", -3, null, "", "").InsertAsync(client);
        await new Row(1, "void", RandomLedger.Start + 2, RandomLedger.Start, "B", "L", "CORRECTION", 0, null, "", "sale").InsertAsync(client);

        var answers = await new LedgerReader(client).AskAsync("t", 0, [Question("A"), Question("B")], CancellationToken.None);

        Assert.Equal([-3L, 0L], answers.Select(answer => Assert.Single(answer.Since)));

        static LedgerQuestion Question(string sku) => new(sku, [], [new LateCount("L", RandomLedger.Start)], long.MaxValue, long.MaxValue);
    }

    private static async Task<(Dictionary<PositionKey, PositionState> Positions, ILookup<string, (string Location, long EventTs, long Qty)> Moves, ILookup<string, UInt128> Awaited)> ExpectedAsync(ClickHouseClient client, LedgerQuestion[] questions)
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

        var moves = new List<(string Sku, string Location, long EventTs, long Qty)>();
        await foreach (var row in client.QueryAsync(MovesSql, parameters))
        {
            moves.Add((row.Get<string>(0)!, row.Get<string>(1)!, row.Get<long>(2), row.Get<long>(3)));
        }

        var awaited = new List<(string Sku, UInt128 Event)>();
        await foreach (var row in client.QueryAsync(HeldSql, parameters))
        {
            awaited.Add((row.Get<string>(0)!, SipHash128.Hash(System.Text.Encoding.UTF8.GetBytes(row.Get<string>(1)!))));
        }

        return (positions, moves.ToLookup(move => move.Sku, move => (move.Location, move.EventTs, move.Qty)), awaited.ToLookup(each => each.Sku, each => each.Event));
    }
}
