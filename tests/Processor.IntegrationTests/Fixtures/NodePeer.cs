namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>Node scripts in Peers/, with the npm packages that 'eng/setup test' installs.</summary>
public static class NodePeer
{
    /// <summary>Starts a script of Peers/ with arguments.</summary>
    public static ServerProcess Start(string script, params string[] arguments)
    {
        var modules = Path.Combine(CacheFolder(), "npm", "node_modules");
        if (!Directory.Exists(modules))
        {
            throw new InvalidOperationException($"{modules} is missing; run 'eng/setup test'.");
        }

        var path = Path.Combine(AppContext.BaseDirectory, "Peers", script);
        return ServerProcess.Start("node", [path, .. arguments], new Dictionary<string, string> { ["NODE_PATH"] = modules });
    }

    /// <summary>Runs a script to its end and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It ended with an exit code other than 0; the message has its output.</exception>
    public static async Task<string> RunAsync(string script, params string[] arguments)
    {
        await using var process = Start(script, arguments);
        var code = await process.WaitForExitAsync();
        return code == 0 ? process.Output : throw new InvalidOperationException($"{script} ended with {code}:\n{process.Output}");
    }

    internal static string CacheFolder() =>
        Environment.GetEnvironmentVariable("STOCKFLOW_CACHE")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "stockflow");
}
