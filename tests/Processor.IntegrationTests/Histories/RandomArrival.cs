using Stockflow.Window;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>One of the steps in which histories arrive.</summary>
/// <param name="Until">Events that arrive before it, from 0 to 1, and in no step before belong to it.</param>
/// <param name="CloseTs">Hours that end until then are closed while the step arrives; milliseconds since 1970-01-01 UTC.</param>
internal readonly record struct ArrivalStep(double Until, long CloseTs);

/// <summary>When the events of a case arrive. A case arrives alone as it does among others.</summary>
internal static class RandomArrival
{
    private const long Day = ClosePlan.Day, Span = 40 * Day;
    private const int Steps = 4;

    /// <summary>Events of a case with the moment at which each arrives, from 0 to before 1, some of them twice.</summary>
    public static IEnumerable<(double At, RawEvent Event)> Of(int seed, int number, ArrivalOrder order, long endTs)
    {
        var random = RandomHistory.Seeded(seed, number, (int)order + 1);
        foreach (var one in RandomHistory.Make(seed, number, endTs))
        {
            var happened = Place(one.EventTs, endTs);
            var late = random.Next(3) == 0 ? random.NextInt64(30 * Day) : random.NextInt64(ClosePlan.Hour);
            var at = order switch
            {
                ArrivalOrder.Late => Place(one.EventTs + late, endTs),
                ArrivalOrder.Reversed => Math.BitDecrement(1 - happened),
                _ => random.NextDouble(),
            };
            yield return (at, one);
            var again = random.NextDouble();
            if (random.Next(10) == 0)
            {
                yield return (again, one);
            }
        }
    }

    /// <summary>The steps of a batch of cases, which do not depend on the cases. Half of a history lies in its last two days, so half of the steps do.</summary>
    public static List<ArrivalStep> StepsOf(ArrivalOrder order, Random random, long endTs)
    {
        var bounds = Enumerable.Range(0, Steps - 1).Select(i => Cut(order, i, random)).Order().Append(1).ToList();
        // In production the close follows what has arrived; where the order is no order of time, it goes on by itself.
        var closes = order == ArrivalOrder.Late
            ? bounds.ConvertAll(at => Time(at, endTs) - (random.Next(3) * Day))
            : [.. Enumerable.Range(0, Steps).Select(i => Time(random.Next(4) == 0 ? 1 : Cut(ArrivalOrder.Late, i, random), endTs)).Order()];
        return [.. bounds.Zip(closes, (until, closeTs) => new ArrivalStep(until, closeTs))];
    }

    private static double Cut(ArrivalOrder order, int i, Random random) => order switch
    {
        ArrivalOrder.Late => i % 2 == 0 ? random.NextDouble() : 1 - (random.NextDouble() / 20),
        ArrivalOrder.Reversed => i % 2 == 0 ? random.NextDouble() : random.NextDouble() / 20,
        _ => random.NextDouble(),
    };

    private static double Place(long ts, long endTs) => Math.Clamp((ts - (endTs - Span)) / (double)Span, 0, Math.BitDecrement(1.0));

    private static long Time(double place, long endTs) => endTs - Span + (long)(place * Span) + ClosePlan.Hour;
}
