using System.CommandLine;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor demo</c>: everything on one machine, with a generated load and an independent check.</summary>
public static class DemoCommand
{
    private const long DefaultEvents = 500_000;
    private const double DefaultRate = 20_000;

    public static Command Create()
    {
        var load = new LoadSettings(DefaultEvents, DefaultRate);
        var keep = new Option<bool>("--keep") { Description = "Stay after the check, with all addresses printed, until Ctrl+C." };
        var data = new Option<DirectoryInfo?>("--data-dir") { Description = "Empty or new folder for data and logs, which then stay. Default: a temporary one.", HelpName = "folder" };
        var port = new Option<int>("--port") { Description = "Port of the HTTP API; 0 for any.", HelpName = "port", DefaultValueFactory = _ => 0 };
        var withoutRedis = new Option<bool>("--without-redis") { Description = "Keep positions in the processor's memory even where redis-server is installed." };
        var command = new Command("demo", $"""
            Run the whole system on this machine, send it a generated retail load and check what it made of it.

            It starts a Kafka listener, ClickHouse (embedded), a schema registry and Redis where redis-server is installed,
            each as a process of its own, and the stream processor ('processor run'), which is started again should it be
            killed. At the end counts, ledger and every position are compared with an independent count.

            Examples:
              processor demo
              processor demo --events 2000000 --rate 0
              processor demo --seconds 60 --seed 7 --skus 10000 --locations 100
              processor demo --keep --port 8080

            {ExitCode.Help}
            """)
        {
            keep, data, port, withoutRedis,
        };
        load.AddTo(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("demo", async () =>
        {
            var (generator, rate, duration) = load.Read(parsed);
            var options = new DemoOptions
            {
                Generator = generator,
                Rate = rate,
                Duration = duration,
                Keep = parsed.GetValue(keep),
                DataDirectory = parsed.GetValue(data)?.FullName,
                Port = parsed.GetValue(port),
                WithoutRedis = parsed.GetValue(withoutRedis),
            };
            if (options.DataDirectory is { } folder && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            {
                throw new SetupException($"--data-dir: {folder} is not empty; offsets of an earlier run would meet those of this one.");
            }

            using var http = new HttpClient(new ConnectFailureHandler()) { Timeout = Demo.AskTimeout };
            return await new Demo(options, new DemoView(), http).RunAsync(token);
        }));
        return command;
    }
}
