namespace Stockflow.Chaos.Servers;

/// <summary>The embedded schema registry, in a process of its own. It knows the schemas of its folder under the ids of the list.</summary>
internal sealed class RegistryServer(string processor, string folder) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly int port = Ports.Free();
    private ServerProcess? process;

    public string Url => $"http://127.0.0.1:{port}";

    public async Task StartAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var started = ServerProcess.Start(Path.Combine(folder, "registry.log"), processor, ["registry", "--port", $"{port}", "--exit-with-parent"]);
            try
            {
                await started.WaitForLineAsync("listening on ", Patience);
                process = started;
                return;
            }
            catch (InvalidOperationException) when (attempt < 5)
            {
                started.Dispose();
                await Task.Delay(200);
            }
        }
    }

    public void Kill()
    {
        process?.Dispose();
        process = null;
    }

    public void Dispose() => Kill();
}
