using System.Globalization;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Xunit;

namespace Stockflow.IntegrationTests.Reads;

/// <summary>
/// Position at T, known at K, against brute force: through the reader of the HTTP API one by one, and through the view for all SKUs at once. STOCKFLOW_ASOF_CHECKS sets
/// the number of single reads.
/// </summary>
public sealed class AsOfTests
{
    private const int Views = 50;

    [Fact]
    public async Task Any_position_at_any_time_as_known_at_any_time_is_that_of_brute_force()
    {
        var singles = int.Parse(Environment.GetEnvironmentVariable("STOCKFLOW_ASOF_CHECKS") ?? "500", CultureInfo.InvariantCulture);
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(20_261_122);
        var ledger = new RandomLedger(7, skus: 70, rowsPerSku: 40);
        await ledger.InsertAsync(client, random);
        var bySku = ledger.Rows.ToLookup(row => row.Sku);
        var reader = new HistoryReader(client);
        var present = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, singles).Select(_ => (Sku: $"S'{random.Next(70)}", Location: $"L{random.Next(3)}", AsOf: Moment())).ToList(),
            new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (question, token) =>
            {
                var expected = new BruteForce(bySku[question.Sku], question.Sku, question.AsOf.At, question.AsOf.KnownAt).Position(question.Location);
                var found = await reader.PositionAsync(question.Sku, question.Location, question.AsOf, token);
                Assert.True(expected == Told(found), $"{question}: expected {expected}, found {Told(found)}");
                Interlocked.Add(ref present, expected is null ? 0 : 1);
            });
        Assert.InRange(present, singles / 2, singles);

        var compared = 0;
        for (var i = 0; i < Views; i++)
        {
            var moment = Moment();
            var found = new Dictionary<(string, string), Counted>();
            await foreach (var row in client.QueryAsync("""
                SELECT sku_id, location, on_hand, unsellable, reserved, in_transit_in, in_transit_out, last_count_ts, last_count_qty, last_event_ts, version
                FROM positions_as_of(topic = '', partition = -1, below = 9223372036854775807, skus = [], before = [],
                    known_at = {known_at:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
                """, new Dictionary<string, object?> { ["known_at"] = DateTime.UnixEpoch.AddMilliseconds(moment.KnownAt), ["until"] = DateTime.UnixEpoch.AddMilliseconds(moment.At + 1) }))
            {
                found.Add((row.Get<string>(0)!, row.Get<string>(1)!), new Counted(row.Get<long>(2), row.Get<long>(3), row.Get<long>(4), row.Get<long>(5), row.Get<long>(6),
                    row.Get<long>(7), row.Get<long>(8), row.Get<long>(9), row.Get<long>(10)));
            }

            foreach (var sku in bySku)
            {
                var hand = new BruteForce(sku, sku.Key, moment.At, moment.KnownAt);
                foreach (var location in new[] { "L0", "L1", "L2" })
                {
                    var expected = hand.Position(location);
                    Assert.True(expected == found.GetValueOrDefault((sku.Key, location)), $"{sku.Key} {location} {moment}: expected {expected}, found {found.GetValueOrDefault((sku.Key, location))}");
                    compared++;
                }
            }
        }

        Assert.Equal(Views * 210, compared);

        AsOf Moment() => new(RandomLedger.Start + random.Next(22_000), RandomLedger.Start + random.Next(62_000));
    }

    [Fact]
    public async Task An_explanation_adds_up_to_the_position_and_names_what_it_rests_on()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(5);
        var ledger = new RandomLedger(8, skus: 12, rowsPerSku: 40);
        await ledger.InsertAsync(client, random);
        var reader = new HistoryReader(client);
        var (corrections, held, transfers, ignored) = (0, 0, 0, 0);
        for (var i = 0; i < 40; i++)
        {
            var (sku, location) = ($"S'{random.Next(12)}", $"L{random.Next(3)}");
            var asOf = new AsOf(RandomLedger.Start + random.Next(22_000), RandomLedger.Start + random.Next(62_000));
            var hand = new BruteForce(ledger.Rows, sku, asOf.At, asOf.KnownAt);
            var told = await reader.ExplainAsync(sku, location, asOf, default);
            if (hand.Position(location) is not { } expected)
            {
                Assert.Null(told);
                continue;
            }

            Assert.Equal(expected, Told(told!.Position));
            Assert.Equal(expected.OnHand, (told.Count?.Counted ?? 0) + told.Since.Where(sum => sum.ChangesOnHand).Sum(sum => sum.Units));
            Assert.Equal(expected.Rows, told.Since.Sum(sum => sum.Movements) + told.Before.Sum(sum => sum.Movements));
            Assert.Equal(expected.LastCountQty, told.Count?.Counted ?? 0);
            if (told.Count is { } count)
            {
                Assert.Equal((expected.LastCountTs, hand.Amendments(count.EventId) != 0 || count.CorrectedBy.Count > 0), (count.EventTs, count.CorrectedBy.Count > 0));
            }

            var ids = ledger.Rows.Where(row => row.Sku == sku && row.RecordedTs <= asOf.KnownAt).Select(row => row.EventId).ToHashSet();
            Assert.All(told.Held, fact => Assert.True(!ids.Contains(fact.RootId) || ledger.Rows.Any(row => row.EventId == fact.RootId && row.Type == "CORRECTION")));
            Assert.All(told.Corrections, fact => Assert.Contains(fact.RootId, ids));
            Assert.All(told.Transfers, transfer => Assert.NotEqual(transfer.Sent, transfer.Received));
            corrections += told.Corrections.Count;
            held += told.Held.Count;
            transfers += told.Transfers.Count;
            ignored += told.Before.Count;
        }

        Assert.True(corrections > 0 && held > 0 && transfers > 0 && ignored > 0);
    }

    [Fact]
    public async Task Pages_of_the_ledger_hold_every_entry_once_and_add_up_to_the_position_while_new_rows_arrive()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var ledger = new RandomLedger(9, skus: 4, rowsPerSku: 60);
        await ledger.InsertAsync(client, new Random(6));
        var reader = new HistoryReader(client);
        var late = new RandomLedger(10, skus: 4, rowsPerSku: 30).Rows.Select(row => row with { Offset = row.Offset + 100_000, RecordedTs = ledger.End + 1000, EventId = row.EventId + "-late" }).ToList();
        foreach (var (sku, limit) in new[] { ("S'0", 1), ("S'1", 2), ("S'2", 7), ("S'3", 1000) })
        {
            var knownAt = ledger.End;
            var whole = (await reader.PageAsync(new LedgerPageQuestion(sku, "L1", 0, AsOf.Everything, knownAt, null, 1000), default)).Entries;
            var entries = new List<LedgerEntry>();
            LedgerPlace? after = null;
            for (var isLast = false; !isLast;)
            {
                var page = await reader.PageAsync(new LedgerPageQuestion(sku, "L1", 0, AsOf.Everything, knownAt, after, limit), default);
                Assert.InRange(page.Entries.Count, page.IsLast ? 0 : limit, limit);
                entries.AddRange(page.Entries);
                isLast = page.IsLast;
                if (entries.Count > 0)
                {
                    after = new LedgerPlace(entries[^1].EventTs, entries[^1].Topic, entries[^1].Partition, entries[^1].Offset, entries[^1].EffectOf);
                }

                if (late.Count > 0)
                {
                    await late[0].InsertAsync(client);
                    late.RemoveAt(0);
                }
            }

            Assert.Equal(whole, entries);
            Assert.Equal(entries.OrderByDescending(entry => entry.EventTs).Select(entry => entry.EventTs), entries.Select(entry => entry.EventTs));
            Assert.Equal(entries.Count, entries.Select(entry => (entry.Offset, entry.EffectOf)).Distinct().Count());
            Assert.Contains(entries, entry => entry.EffectOf.Length > 0 && entry.Corrects.Length > 0);
            var hand = new BruteForce(ledger.Rows, sku, AsOf.Everything, knownAt);
            var position = hand.Position("L1")!;
            Assert.Equal(position.OnHand, position.LastCountQty + entries.Where(entry => entry.LocationId == "L1" && entry.EventTs > position.LastCountTs
                && entry.MovementType is not ("DAMAGE" or "RESERVE" or "RELEASE")).Sum(entry => entry.Quantity));
        }
    }

    private static Counted? Told(StockPosition? position) => position is not { State: var state }
        ? null
        : new Counted(state.OnHand, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut, state.LastCountTs, state.LastCountQty, state.LastEventTs, state.Version);
}
