namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>The embedded schema registry, run as 'processor registry' in a process of its own.</summary>
public sealed class RegistryProcess : IAsyncDisposable
{
    private const string ReadyPrefix = "listening on ";
    private ServerProcess server;

    private RegistryProcess(ServerProcess server, Uri url)
    {
        this.server = server;
        Url = url;
    }

    /// <summary>Its address; a restart keeps it.</summary>
    public Uri Url { get; }

    /// <summary>Starts it on a free port and waits until it answers.</summary>
    public static async Task<RegistryProcess> StartAsync()
    {
        var (server, url) = await LaunchAsync(0);
        return new RegistryProcess(server, url);
    }

    /// <summary>Ends it as 'kill -9' does.</summary>
    public void Kill() => server.Kill();

    /// <summary>Kills it if it runs and starts it again on its port; it knows the schemas of its folder only.</summary>
    public async Task RestartAsync()
    {
        await server.DisposeAsync();
        (server, _) = await LaunchAsync(Url.Port);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => server.DisposeAsync();

    private static async Task<(ServerProcess Server, Uri Url)> LaunchAsync(int port)
    {
        var server = ServerProcess.Start(ServerProcess.Processor, ["registry", "--port", $"{port}", "--exit-with-parent"]);
        var line = await server.WaitForLineAsync(ReadyPrefix);
        return (server, new Uri(line[ReadyPrefix.Length..]));
    }
}
