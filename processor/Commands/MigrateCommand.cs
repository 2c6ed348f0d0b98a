using System.CommandLine;
using Stockflow.History;

namespace Stockflow.Commands;

/// <summary><c>processor migrate</c>: brings ClickHouse's tables up to this version, and nothing else.</summary>
public static class MigrateCommand
{
    public static Command Create()
    {
        var config = Settings.FileOption();
        var command = new Command("migrate", $"""
            Creates the database and applies the migrations that it lacks, then prints their names. Running it again changes nothing.
            Processors do the same when they start; use it before an upgrade starts any of them.

            {ExitCode.Help}

            Examples:
              processor migrate --config production.json
              processor migrate --clickhouse.url http://clickhouse:8123 --clickhouse.database stockflow
            """) { config };
        Settings.AddFlags(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("processor migrate", async () =>
        {
            var options = Settings.LoadAsUsage(parsed.GetValue(config), parsed);
            using var clickHouse = new ClickHouseClient(options.Clickhouse);
            var done = await new Migrations(clickHouse, Migrations.DefaultFolder).ApplyAsync(token);
            var output = parsed.InvocationConfiguration.Output;
            foreach (var name in done)
            {
                await output.WriteLineAsync("applied " + name);
            }

            await output.WriteLineAsync($"database {options.Clickhouse.Database} is up to date");
            return ExitCode.Ok;
        }));
        return command;
    }
}
