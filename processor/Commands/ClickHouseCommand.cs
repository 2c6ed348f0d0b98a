using System.CommandLine;
using System.Runtime.InteropServices;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor clickhouse</c>: the embedded ClickHouse as a process of its own.</summary>
public static class ClickHouseCommand
{
    /// <summary>The line that is printed when clients can connect, before the address.</summary>
    public const string ReadyPrefix = "listening on ";

    public static Command Create()
    {
        var path = new Option<DirectoryInfo>("--path") { Description = "Folder of the data; created when missing.", Required = true };
        var port = new Option<int>("--port") { Description = "TCP port; 0 picks a free one.", DefaultValueFactory = _ => 8123 };
        var host = new Option<string>("--host") { Description = "IP address to listen on. Others than loopback need a password.", DefaultValueFactory = _ => "127.0.0.1" };
        var user = new Option<string>("--user") { Description = "User name, checked when a password is set.", DefaultValueFactory = _ => "default" };
        var passwordFile = new Option<FileInfo?>("--password-file") { Description = "File whose first line is the password. Without it everybody who reaches the port is answered." };
        var fsync = new Option<bool>("--fsync") { Description = "Write inserts through to the disk before they are acknowledged (against power loss; slower)." };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "Stop when standard input closes." };
        var command = new Command("clickhouse", """
            Serves ClickHouse's HTTP interface from the embedded engine (chDB).

            Prints "listening on URL" when it is ready. SIGTERM and SIGINT finish the requests in flight first.
            Exit codes: 0 stopped, 2 wrong usage, 3 cannot start.

            Examples:
              processor clickhouse --path data/clickhouse --port 8123
              processor clickhouse --path data/clickhouse --port 0 --user stockflow --password-file secret.txt
              curl 'http://127.0.0.1:8123/' --data-binary 'SELECT version()'
            """)
        {
            path, port, host, user, passwordFile, fsync, exitWithParent,
        };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("clickhouse", async () => await RunAsync(
            new ChdbServerOptions
            {
                Path = parsed.GetRequiredValue(path).FullName,
                Port = parsed.GetValue(port),
                Host = parsed.GetValue(host)!,
                User = parsed.GetValue(user)!,
                Password = await ReadPasswordAsync(parsed.GetValue(passwordFile), token),
                Fsync = parsed.GetValue(fsync),
            },
            parsed.GetValue(exitWithParent),
            token)));
        return command;
    }

    private static async Task<int> RunAsync(ChdbServerOptions options, bool exitWithParent, CancellationToken token)
    {
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await using var cancelled = token.Register(() => stop.TrySetResult());
        // History may wait for a core beside positions and reservations, not the other way round.
        Session.GiveWay();
        var server = await ChdbServer.StartAsync(options, token);
        Console.WriteLine(ReadyPrefix + server.Url);
        if (exitWithParent)
        {
            _ = Task.Run(async () =>
            {
                await Console.OpenStandardInput().CopyToAsync(Stream.Null, CancellationToken.None);
                stop.TrySetResult();
            }, CancellationToken.None);
        }

        await stop.Task;
        await server.DrainAsync();
        ChdbServer.ExitProcess(0);
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.TrySetResult();
        }
    }

    private static async Task<string?> ReadPasswordAsync(FileInfo? file, CancellationToken token)
    {
        if (file is null)
        {
            return null;
        }

        try
        {
            var password = (await File.ReadAllLinesAsync(file.FullName, token)).FirstOrDefault()?.Trim();
            return string.IsNullOrEmpty(password)
                ? throw new SetupException($"--password-file: the first line of {file.FullName} is empty")
                : password;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"--password-file: cannot read {file.FullName}: {failure.Message}", failure);
        }
    }
}
