namespace Stockflow.Tests;

/// <summary>
/// What code allocates. A collection that another thread starts ends this thread's allocation buffer, and what was left of it counts as allocated;
/// the first rounds also pay for compiling the code. So the least of a few rounds is the measure.
/// </summary>
internal static class Allocations
{
    /// <summary>Bytes that the current thread allocates in a round, at least.</summary>
    public static long Least(Action round, int rounds = 5)
    {
        var least = long.MaxValue;
        for (var i = 0; i < rounds && least > 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
