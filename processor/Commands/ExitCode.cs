using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>Exit codes of every command that asks or checks something.</summary>
public static class ExitCode
{
    public const int Ok = 0, CheckFailed = 1, Usage = 2, Unreachable = 3;

    /// <summary>The paragraph for a command's help.</summary>
    public const string Help = "Exit codes: 0 done, 1 a check failed or nothing was found, 2 wrong usage, 3 a server or file can not be used.";

    /// <summary>Runs a command; what an operator can set right ends in one line on standard error and code 3.</summary>
    public static async Task<int> GuardAsync(string command, Func<Task<int>> run)
    {
        try
        {
            return await run().ConfigureAwait(false);
        }
        catch (Exception e) when (e is SetupException or StoreUnavailableException)
        {
            await Console.Error.WriteLineAsync($"{command}: {e.Message}").ConfigureAwait(false);
            return Unreachable;
        }
        catch (ClickHouseException e)
        {
            await Console.Error.WriteLineAsync($"{command}: ClickHouse: {e.Message}").ConfigureAwait(false);
            return Unreachable;
        }
        catch (UsageException e)
        {
            await Console.Error.WriteLineAsync($"{command}: {e.Message}").ConfigureAwait(false);
            return Usage;
        }
    }
}

/// <summary>Arguments that do not fit together; one line for people.</summary>
public sealed class UsageException(string message) : Exception(message);
