namespace Stockflow.IntegrationTests.Stock;

/// <summary>One call on one stock key: when it was sent and answered (ticks of one clock), what it wanted and what it got.</summary>
/// <param name="Sent">Before this nothing of it happened.</param>
/// <param name="Answered">After this all of it had happened; <see cref="long.MaxValue"/> where no answer came.</param>
/// <param name="Take">Units: above zero reserves, below zero gives back, 0 reads.</param>
/// <param name="Got">Whether it was done; of a read always true.</param>
/// <param name="Seen">Units available that a read saw.</param>
internal readonly record struct StockCall(long Sent, long Answered, long Take, bool Got, long Seen);

/// <summary>
/// Whether a history of calls on one key is linearizable: whether some order that keeps every call between its sending and its answer
/// makes a plain counter give the same answers. Wing and Gong's search with Lowe's memory of (calls done, state); the state is one number.
/// A call without an answer may have happened or not.
/// </summary>
internal static class StockHistory
{
    public static bool IsLinearizable(IReadOnlyList<StockCall> history, long units)
    {
        var calls = history.OrderBy(call => call.Sent).ToArray();
        var answered = calls.Count(call => call.Answered != long.MaxValue);
        var seen = new HashSet<(UInt128, UInt128, long)>();
        return Search(calls, units, default, default, answered, seen);
    }

    private static bool Search(StockCall[] calls, long available, UInt128 low, UInt128 high, int open, HashSet<(UInt128, UInt128, long)> seen)
    {
        if (open == 0)
        {
            return true;
        }

        if (!seen.Add((low, high, available)))
        {
            return false;
        }

        // Only what was sent before the first answer of what is left can come next.
        var first = long.MaxValue;
        for (var i = 0; i < calls.Length; i++)
        {
            if (!IsDone(i, low, high))
            {
                first = Math.Min(first, calls[i].Answered);
            }
        }

        for (var i = 0; i < calls.Length && calls[i].Sent <= first; i++)
        {
            if (IsDone(i, low, high) || !TryStep(calls[i], available, out var next))
            {
                continue;
            }

            var (l, h) = i < 128 ? (low | (UInt128.One << i), high) : (low, high | (UInt128.One << (i - 128)));
            if (Search(calls, next, l, h, open - (calls[i].Answered == long.MaxValue ? 0 : 1), seen))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryStep(StockCall call, long available, out long next)
    {
        next = available;
        if (call.Take == 0)
        {
            return call.Seen == available;
        }

        var fits = available >= call.Take;
        if (call.Answered == long.MaxValue)
        {
            // It happened here, or never.
            next -= fits ? call.Take : 0;
            return fits;
        }

        if (call.Got != fits)
        {
            return false;
        }

        next -= call.Got ? call.Take : 0;
        return true;
    }

    private static bool IsDone(int call, UInt128 low, UInt128 high) => ((call < 128 ? low >> call : high >> (call - 128)) & 1) == 1;
}
