using System.CommandLine;
using System.Text.Json;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Commands;

public sealed class QueryCommandTests
{
    [Fact]
    public async Task The_ledger_and_any_query_come_as_table_and_as_JSON()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using (server)
        using (client)
        {
            await client.ExecuteAsync("""
                INSERT INTO ledger (topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta)
                SELECT 'inventory.movements', 1, number, concat('e', toString(number)), toDateTime64('2026-03-01 12:00:00', 3, 'UTC') + number, now64(3), now64(3), now64(3),
                    'a b', 'L''1', 'SALE', -3 FROM numbers(3)
                """);
            var (code, json) = await RunAsync(server, "ledger", "a b", "L'1", "--json", "--limit", "2");
            Assert.Equal(0, code);
            var rows = json.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
            Assert.Equal(["e2", "e1"], rows.Select(row => row.GetProperty("event_id").GetString()!));
            Assert.Equal("inventory.movements/1/2", rows[0].GetProperty("record").GetString());

            var (_, table) = await RunAsync(server, "ledger", "a b");
            Assert.Contains("│ 2026-03-01 12:00:02.000 │ SALE ", table, StringComparison.Ordinal);
            Assert.Contains("3 rows", table, StringComparison.Ordinal);
            Assert.Contains("first 2 rows", (await RunAsync(server, "sql", "SELECT number FROM numbers(9)", "--limit", "2")).Output, StringComparison.Ordinal);
            Assert.Equal("0 rows\n", (await RunAsync(server, "ledger", "none")).Output);
            Assert.Equal(ExitCode.Usage, (await RunAsync(server, "sql", "SELEC 1")).Code);
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(EmbeddedClickHouse server, params string[] arguments)
    {
        await using var output = new StringWriter();
        var code = await QueryCommand.Create().Parse([.. arguments, "--clickhouse-url", server.Url.ToString()])
            .InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }
}
