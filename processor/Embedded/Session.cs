using System.Runtime.InteropServices;

namespace Stockflow.Embedded;

/// <summary>
/// The session of this process. Linux shares the cores out by session first (sched_autogroup, see sched(7)): with all servers in one, ClickHouse's many
/// threads leave Redis and the positions little.
/// </summary>
internal static partial class Session
{
    /// <summary>Begins one of its own; a process that leads a group of processes stays where it is.</summary>
    public static void Begin() => _ = setsid();

    /// <summary>Lets the other sessions have the cores first. Changes nothing in a session that is shared, or where the system knows no such thing.</summary>
    public static void GiveWay()
    {
        if (getsid(0) != Environment.ProcessId)
        {
            return;
        }

        try
        {
            File.WriteAllText("/proc/self/autogroup", "10");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The system does not share by session.
        }
    }

    [LibraryImport("libc")]
    private static partial int setsid();

    [LibraryImport("libc")]
    private static partial int getsid(int process);
}
