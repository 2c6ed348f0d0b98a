using System.CommandLine;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Reads;

public sealed class FinanceTests
{
    [Fact]
    public async Task Movements_explain_the_stock_of_brute_force_and_the_check_fails_loudly_where_they_do_not()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(20_261_121);
        var ledger = new RandomLedger(11, skus: 25, rowsPerSku: 40);
        await ledger.InsertAsync(client, random);
        var bySku = ledger.Rows.ToLookup(row => row.Sku);
        for (var i = 0; i < 8; i++)
        {
            var since = RandomLedger.Start + random.Next(12_000);
            var until = since + random.Next(1, 12_000);
            var known = RandomLedger.Start + random.Next(62_000);
            var moved = new Dictionary<(string, string), (long Units, long Damaged)>();
            await foreach (var row in client.QueryAsync("""
                SELECT sku_id, location_id, sum(units), sum(damaged_units)
                FROM finance_movements(skus = [], known_at = {known:DateTime64(3, 'UTC')}, since = {since:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
                GROUP BY sku_id, location_id
                """, new Dictionary<string, object?> { ["since"] = Time(since), ["until"] = Time(until), ["known"] = Time(known) }))
            {
                moved.Add((row.Get<string>(0)!, row.Get<string>(1)!), (row.Get<long>(2), row.Get<long>(3)));
            }

            foreach (var sku in bySku)
            {
                var (before, after) = (new BruteForce(sku, sku.Key, since - 1, known), new BruteForce(sku, sku.Key, until - 1, known));
                foreach (var location in new[] { "L0", "L1", "L2" })
                {
                    var (opening, closing) = (before.Position(location), after.Position(location));
                    var expected = ((closing?.OnHand ?? 0) - (opening?.OnHand ?? 0), (closing?.Unsellable ?? 0) - (opening?.Unsellable ?? 0));
                    Assert.True(expected == moved.GetValueOrDefault((sku.Key, location)),
                        $"{sku.Key} {location} from {since} to {until} known {known}: expected {expected}, found {moved.GetValueOrDefault((sku.Key, location))}");
                }
            }
        }

        string[] period = ["--from", Iso(RandomLedger.Start + 2000), "--to", Iso(RandomLedger.Start + 20_000), "--known-at", Iso(ledger.End)];
        var (code, output) = await RunAsync(server, period);
        Assert.True(code == ExitCode.Ok && output.Contains("ties out: ", StringComparison.Ordinal), output);

        // Finance that forgets the adjustments.
        var sql = await client.QueryScalarAsync<string>("SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'finance_movements'");
        var forgetful = sql!.Replace("CREATE VIEW", "CREATE OR REPLACE VIEW", StringComparison.Ordinal).Replace("'RELEASE'", "'RELEASE', 'ADJUSTMENT'", StringComparison.Ordinal);
        Assert.NotEqual(sql.Length, forgetful.Length - "OR REPLACE ".Length);
        await client.ExecuteAsync(forgetful);
        (code, output) = await RunAsync(server, period);
        Assert.True(code == ExitCode.CheckFailed && !output.Contains("ties out", StringComparison.Ordinal), output);
        Assert.Contains("difference", output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await RunAsync(server, "--from", "2026-02-01", "--to", "2026-01-01")).Code);
    }

    private static DateTime Time(long ts) => DateTime.UnixEpoch.AddMilliseconds(ts);

    private static string Iso(long ts) => Time(ts).ToString("O", null);

    private static async Task<(int Code, string Output)> RunAsync(EmbeddedClickHouse server, params string[] arguments)
    {
        await using var output = new StringWriter();
        var code = await QueryCommand.Create().Parse(["tie-out", .. arguments, "--clickhouse-url", server.Url.ToString()])
            .InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }
}
