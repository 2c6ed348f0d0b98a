using System.Globalization;
using System.Runtime.InteropServices;

namespace Stockflow.Benchmarks;

/// <summary>CPU time, which a busy machine distorts less than the clock on the wall.</summary>
internal static partial class ProcessCpu
{
    /// <summary>The kernel's USER_HZ, which is 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    private const int UserField = 11, SystemField = 12;

    private const int ThreadCpuClock = 3;

    /// <summary>Seconds of user and system time since the process began (proc(5), /proc/PID/stat, fields 14 and 15).</summary>
    public static double Seconds(int processId)
    {
        var text = File.ReadAllText($"/proc/{processId}/stat");
        // The command's name may hold blanks; what follows its closing bracket does not.
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[UserField], CultureInfo.InvariantCulture) + long.Parse(fields[SystemField], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    /// <summary>Nanoseconds of the calling thread (clock_gettime(2), CLOCK_THREAD_CPUTIME_ID).</summary>
    public static long ThreadNanoseconds()
    {
        var time = default(TimeSpec);
        return clock_gettime(ThreadCpuClock, ref time) == 0
            ? (time.Seconds * 1_000_000_000) + time.Nanoseconds
            : throw new NotSupportedException("The kernel tells no CPU time of a thread.");
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, ref TimeSpec time);

    private struct TimeSpec
    {
        public long Seconds, Nanoseconds;
    }
}
