using System.Globalization;

namespace Stockflow.Benchmarks;

/// <summary>How busy the cores are, other programs included (proc(5), /proc/stat).</summary>
internal static class MachineCpu
{
    private const int Idle = 3, WaitingForDisk = 4;

    /// <summary>Ticks since the machine began: all, and those that worked.</summary>
    public static (long All, long Busy) Read()
    {
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        var all = ticks.Take(8).Sum();
        return (all, all - ticks[Idle] - ticks[WaitingForDisk]);
    }

    /// <summary>Share of the time between two readings that the cores worked, 0 to 1.</summary>
    public static double BusyShare((long All, long Busy) from, (long All, long Busy) to) =>
        (double)(to.Busy - from.Busy) / Math.Max(1, to.All - from.All);
}
