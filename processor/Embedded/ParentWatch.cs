using System.Runtime.InteropServices;

namespace Stockflow.Embedded;

/// <summary>
/// Lets a child process end with its parent, however the parent ends: the parent holds the child's standard input open, and its
/// closing is answered as SIGTERM would be. (PR_SET_PDEATHSIG follows the parent's thread, which in .NET may end long before the process.)
/// </summary>
public static partial class ParentWatch
{
    /// <summary>Environment variable that a parent sets to 1 for a child that must not outlive it.</summary>
    public const string Variable = "STOCKFLOW_EXIT_WITH_PARENT";

    internal const int SigTerm = 15;
    private static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(30);

    /// <summary>Starts watching if the parent asked for it. To be called before anything else.</summary>
    public static void StartIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) != "1")
        {
            return;
        }

        Environment.SetEnvironmentVariable(Variable, null);
        // Ctrl+C on the terminal is the parent's to answer, and it ends its children in order.
        Session.Begin();
        new Thread(Watch) { IsBackground = true, Name = "parent watch" }.Start();
    }

    internal static int Send(int processId, int signal) => kill(processId, signal);

    private static void Watch()
    {
        try
        {
            using var input = Console.OpenStandardInput();
            Span<byte> buffer = stackalloc byte[64];
            while (input.Read(buffer) > 0)
            {
            }
        }
        catch (IOException)
        {
            // As good as closed.
        }

        _ = kill(Environment.ProcessId, SigTerm);
        Thread.Sleep(LongestDrain);
        Environment.Exit(1);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
