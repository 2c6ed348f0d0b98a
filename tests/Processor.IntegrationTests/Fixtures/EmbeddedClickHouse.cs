using Stockflow.Commands;
using Stockflow.History;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>The embedded ClickHouse, run as 'processor clickhouse' in a process of its own with a folder of its own.</summary>
public sealed class EmbeddedClickHouse : IAsyncDisposable
{
    private readonly string[] options;
    private readonly string folder = Directory.CreateTempSubdirectory("stockflow-clickhouse-").FullName;
    private ServerProcess? server;
    private int port;

    private EmbeddedClickHouse(string[] options) => this.options = options;

    /// <summary><c>http://127.0.0.1:port</c>; a restart keeps it.</summary>
    public Uri Url => new($"http://127.0.0.1:{port}");

    /// <summary>The process.</summary>
    public ServerProcess Process => server ?? throw new InvalidOperationException("The embedded ClickHouse is not running.");

    /// <summary>The folder of its data.</summary>
    public string Folder => folder;

    /// <summary>Starts it on a free port and waits until it answers.</summary>
    public static async Task<EmbeddedClickHouse> StartAsync(params string[] options)
    {
        var clickHouse = new EmbeddedClickHouse(options);
        try
        {
            await clickHouse.LaunchAsync();
            return clickHouse;
        }
        catch
        {
            await clickHouse.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it with the project's tables in place, and returns it with a client.</summary>
    public static async Task<(EmbeddedClickHouse Server, ClickHouseClient Client)> StartMigratedAsync()
    {
        var server = await StartAsync();
        var client = server.Client();
        await new Migrations(client, Migrations.DefaultFolder).ApplyAsync();
        return (server, client);
    }

    /// <summary>A client of it.</summary>
    public ClickHouseClient Client(Func<ClickHouseOptions, ClickHouseOptions>? change = null)
    {
        var settings = new ClickHouseOptions { Url = Url };
        return new ClickHouseClient(change is null ? settings : change(settings));
    }

    /// <summary>Ends it as 'kill -9' does.</summary>
    public void Kill() => server?.Kill();

    /// <summary>Kills it if it runs and starts it again on the same port and folder.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await LaunchAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task LaunchAsync()
    {
        server = ServerProcess.Start(ServerProcess.Processor, ["clickhouse", "--path", folder, "--port", $"{port}", "--exit-with-parent", .. options]);
        var line = await server.WaitForLineAsync(ClickHouseCommand.ReadyPrefix);
        port = new Uri(line[ClickHouseCommand.ReadyPrefix.Length..]).Port;
    }

    private async Task StopAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
            server = null;
        }
    }
}
