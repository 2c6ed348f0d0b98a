using System.Text;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Xunit;

namespace Stockflow.IntegrationTests.Rebuild;

/// <summary>What ClickHouse computes from the ledger is what the stream's own rules make of the same movements.</summary>
public sealed class LedgerSnapshotTests
{
    private const long Start = 1_767_225_590_000;

    [Fact]
    public async Task Any_history_gives_the_positions_of_the_rules_as_of_any_offset()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var snapshot = new LedgerSnapshot(client);
        var random = new Random(20_261_121);
        for (var partition = 0; partition < 12; partition++)
        {
            // Times on both sides of a month's end: rows of a position lie in two partitions of the table.
            var rows = Enumerable.Range(0, random.Next(1, 120)).Select(i => LedgerRow.Random(random, i, Start + (partition % 2 * 10_000L))).ToList();
            await LedgerRow.InsertAsync(client, rows, partition, 0, offset => Start + (offset * 1000));
            await LedgerRow.InsertAsync(client, rows[..(rows.Count / 2)], partition, 0, offset => Start + 500_000);
            foreach (var before in new[] { rows.Count, random.Next(rows.Count), 0 })
            {
                var lane = new LaneAsOf("t", partition, before);
                var expected = LedgerRow.Positions(rows[..before]);
                var found = new Dictionary<PositionKey, PositionState>();
                await foreach (var (sku, location, state) in snapshot.PositionsAsync(lane, default))
                {
                    found.Add(new PositionKey(sku, location), state);
                }

                Assert.Equal(expected.OrderBy(p => p.ToString()), found.OrderBy(p => p.ToString()));
                Assert.Equal(new LaneContents(before, expected.Count, before - 1), await snapshot.ContentsAsync(lane, default));
                Assert.Equal(rows[..before].GroupBy(row => row.Source).ToDictionary(source => source.Key, source => source.Max(row => row.EventTs)),
                    await snapshot.WatermarksAsync(lane, default));
            }
        }
    }

    [Fact]
    public async Task Fingerprints_are_those_of_the_accepted_events_within_the_horizon_under_their_first_recorded_time()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(1);
        var rows = Enumerable.Range(0, 50).Select(i => LedgerRow.Random(random, i, Start)).ToList();
        await LedgerRow.InsertAsync(client, rows, 2, 100, offset => Start + (offset * 1000));
        await LedgerRow.InsertAsync(client, rows, 2, 100, offset => Start + (offset * 2000));

        var found = new List<(long, SeenEntry)>();
        await foreach (var entry in new LedgerSnapshot(client).SeenAsync(new LaneAsOf("t", 2, 140), Start + 120_000, default))
        {
            found.Add(entry);
        }

        var expected = Enumerable.Range(120, 20)
            .Select(offset => (Start + (offset * 1000L), new SeenEntry(SipHash128.Hash(Encoding.UTF8.GetBytes($"event-{offset - 100}")), offset)));
        Assert.Equal(expected, found.OrderBy(entry => entry.Item2.Offset));
    }
}
