using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>The commands' exit codes.</summary>
internal static class Guard
{
    /// <summary>Runs a command; 0 when it did, 1 with a message when a result was wrong or a server failed.</summary>
    public static async Task<int> RunAsync(Func<Task> command)
    {
        try
        {
            await command();
            return 0;
        }
        catch (Exception e) when (e is SetupException or StoreUnavailableException or WrongResultException or ClickHouseException)
        {
            await Console.Error.WriteLineAsync("bench: " + e.Message);
            return 1;
        }
    }
}
