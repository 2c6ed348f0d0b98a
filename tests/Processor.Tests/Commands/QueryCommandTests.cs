using System.CommandLine;
using Microsoft.Extensions.Logging;
using Stockflow.Commands;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Telemetry;
using Stockflow.Tests.Serve;
using Xunit;

namespace Stockflow.Tests.Commands;

public sealed class QueryCommandTests
{
    [Fact]
    public async Task A_position_is_shown_as_table_and_as_JSON()
    {
        var reader = new FakePositions();
        reader.Put("a b", "L/1", new PositionState { OnHand = 1234, Reserved = 34 });
        await using var server = HttpServer.Build(new HttpOptions("http://127.0.0.1:0"), reader, new ProcessorStatus(), TimeProvider.System,
            new LogOptions(Level: LogLevel.None));
        await server.StartAsync(CancellationToken.None);
        var url = server.Addresses.Single();

        var (code, table) = await RunAsync("position", "a b", "--http-url", url);
        Assert.Equal(0, code);
        Assert.Matches("a b +│ L/1 +│ +1,200 │ +1,234 │", table);
        var (_, json) = await RunAsync("position", "a b", "L/1", "--json", "--http-url", url);
        Assert.StartsWith("""{"sku_id":"a b","location_id":"L/1","on_hand":1234""", json, StringComparison.Ordinal);
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync("position", "none", "--http-url", url)).Code);
        reader.Failure = new StoreUnavailableException("down");
        Assert.Equal(ExitCode.Unreachable, (await RunAsync("position", "a b", "--http-url", url)).Code);
    }

    [Theory]
    [InlineData(3, "position", "A", "--http-url", "http://127.0.0.1:9")]
    [InlineData(2, "position", "A", "--http-url", "nonsense")]
    [InlineData(3, "ledger", "A", "--clickhouse-url", "http://127.0.0.1:9")]
    [InlineData(3, "sql", "SELECT 1", "--clickhouse-url", "http://127.0.0.1:9")]
    public async Task A_server_that_is_not_there_is_code_3(int expected, params string[] arguments) =>
        Assert.Equal(expected, (await RunAsync(arguments)).Code);

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        await using var output = new StringWriter();
        var code = await QueryCommand.Create().Parse(arguments).InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }
}
