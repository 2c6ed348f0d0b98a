using System.CommandLine;
using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Commands;

public sealed class MigrateCommandTests
{
    [Fact]
    public async Task A_new_database_gets_every_migration_once()
    {
        await using var server = await EmbeddedClickHouse.StartAsync();
        var names = Migrations.Read(Migrations.DefaultFolder).Select(migration => "applied " + migration.Name);
        const string Done = "database other is up to date";
        Assert.Equal((ExitCode.Ok, string.Join('\n', names.Append(Done)) + "\n"), await RunAsync(server.Url.ToString()));
        Assert.Equal((ExitCode.Ok, Done + "\n"), await RunAsync(server.Url.ToString()));
        Assert.Equal((ExitCode.Unreachable, ""), await RunAsync("http://127.0.0.1:1"));
        Assert.Equal((ExitCode.Usage, ""), await RunAsync("ftp://127.0.0.1"));
    }

    private static async Task<(int Code, string Output)> RunAsync(string url)
    {
        await using var output = new StringWriter { NewLine = "\n" };
        var code = await MigrateCommand.Create().Parse(["--clickhouse.url", url, "--clickhouse.database", "other", "--clickhouse.max-retries", "0"])
            .InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }
}
