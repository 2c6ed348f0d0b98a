using System.CommandLine;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor registry</c>: the embedded schema registry as a process of its own.</summary>
public static class RegistryCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port") { Description = "TCP port on 127.0.0.1; 0 picks a free one.", HelpName = "port", DefaultValueFactory = _ => 8081 };
        var schemas = new Option<string>("--schemas") { Description = "Folder of .avsc files to start with.", HelpName = "folder", DefaultValueFactory = _ => SchemaCatalog.DefaultFolder };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input closes." };
        var command = new Command("registry", $"""
            Answer the calls of a Confluent Schema Registry on this machine, without installing one.

            It prints "listening on URL" when it is ready and ends on Ctrl-C or SIGTERM. It starts with the schemas of the
            folder; what clients register lives in memory.

            Examples:
              processor registry --port 8081
              curl http://127.0.0.1:8081/subjects

            {ExitCode.Help}
            """)
        {
            port, schemas, exitWithParent,
        };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("registry",
            () => RunAsync(parsed.GetValue(schemas)!, parsed.GetValue(port), parsed.GetValue(exitWithParent), token)));
        return command;
    }

    private static async Task<int> RunAsync(string schemas, int port, bool exitWithParent, CancellationToken token)
    {
        await using var server = await RegistryServer.StartAsync(schemas, port, token).ConfigureAwait(false);
        Console.Out.WriteLine($"listening on {server.Url}");
        try
        {
            if (exitWithParent)
            {
                using var input = Console.OpenStandardInput();
                await Task.Run(() => input.CopyToAsync(Stream.Null, token), token).WaitAsync(token).ConfigureAwait(false);
            }
            else
            {
                await Task.Delay(Timeout.Infinite, token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C and SIGTERM end it.
        }

        return ExitCode.Ok;
    }
}
