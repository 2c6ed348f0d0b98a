using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>This program as a child of itself.</summary>
internal static class Hidden
{
    /// <summary>Starts this same program with other arguments.</summary>
    public static ChildProcess Start(string name, IEnumerable<string> arguments, string logFile) =>
        ChildProcess.Start(name, Path.Combine(AppContext.BaseDirectory, "Processor.Benchmarks"), arguments, logFile);

    /// <summary>Ends when the parent asks for it: until then it can still be asked what the process took.</summary>
    public static async Task UntilAskedAsync(CancellationToken token)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, token);
        }
        catch (OperationCanceledException)
        {
            // Asked.
        }
    }
}
