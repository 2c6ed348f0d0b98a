using System.CommandLine;
using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>This program as a child of itself, and processes that are held still.</summary>
internal static class Hidden
{
    /// <summary>Linux's numbers of SIGCONT and SIGSTOP.</summary>
    private const int Continued = 18, Stopped = 19;

    /// <summary>Holds a process still: it keeps its connections and answers nothing.</summary>
    public static void Hold(int processId) => _ = ParentWatch.Send(processId, Stopped);

    public static void Continue(int processId) => _ = ParentWatch.Send(processId, Continued);

    /// <summary>A subcommand that is not for people: it does its work and then stays until its parent ends it.</summary>
    public static Command Create(string name, string description, Func<string[], CancellationToken, Task> work)
    {
        var arguments = new Argument<string[]>("arguments") { Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(name, description) { arguments };
        command.Hidden = true;
        command.SetAction((parsed, token) => Guard.RunAsync(async () =>
        {
            ParentWatch.StartIfAsked();
            await work(parsed.GetValue(arguments)!, token);
            await UntilAskedAsync(token);
        }));
        return command;
    }

    /// <summary>Starts this same program with other arguments.</summary>
    public static ChildProcess Start(string name, IEnumerable<string> arguments, string logFile) =>
        ChildProcess.Start(name, Path.Combine(AppContext.BaseDirectory, "Processor.Benchmarks"), arguments, logFile);

    /// <summary>Ends when the parent asks for it: until then it can still be asked what the process took.</summary>
    private static async Task UntilAskedAsync(CancellationToken token)
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
