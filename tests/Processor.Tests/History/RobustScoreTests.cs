using Stockflow.History;
using Xunit;

namespace Stockflow.Tests.History;

public sealed class RobustScoreTests
{
    [Fact]
    public void It_is_that_of_the_definition_for_any_history()
    {
        var random = new Random(20_261_122);
        for (var round = 0; round < 2000; round++)
        {
            var history = Enumerable.Range(0, random.Next(1, 9)).Select(_ => Math.Round(random.NextDouble() * random.Next(1, 1000), random.Next(3))).ToArray();
            var (value, floorShare, floor) = (Math.Round(random.NextDouble() * 2000, 2), random.Next(2) * 0.1, random.Next(1, 5) * 0.5);
            var (score, median) = RobustScore.Of(value, history, floorShare, floor);
            var expected = MiddleByRank(history);
            var deviation = MiddleByRank([.. history.Select(one => one < expected ? expected - one : one - expected)]);
            deviation = new[] { deviation, floor, floorShare * expected }.Max();
            Assert.Equal(expected, median, 9);
            Assert.Equal((value - expected) * 0.6745 / deviation, score, 9);
        }
    }

    [Fact]
    public void Moving_all_values_moves_nothing_and_stretching_them_stretches_the_distance()
    {
        double[] history = [100, 90, 130, 95, 105];
        var (score, _) = RobustScore.Of(180, history, 0, 1e-9);
        Assert.Equal(score, RobustScore.Of(1180, [.. history.Select(one => one + 1000)], 0, 1e-9).Score, 9);
        Assert.Equal(score, RobustScore.Of(540, [.. history.Select(one => one * 3)], 0, 1e-9).Score, 9);
        Assert.Equal(-score, RobustScore.Of(-180, [.. history.Select(one => -one)], 0, 1e-9).Score, 9);
    }

    [Fact]
    public void The_example_of_the_definition()
    {
        // Median 100; distances 0, 10, 30, 5, 5: MAD 5.
        Assert.Equal((0.6745 * 80 / 5, 100.0), RobustScore.Of(180, [100, 90, 130, 95, 105], 0, 1));
        Assert.Equal(0.6745 * 80 / 20, RobustScore.Of(180, [100, 90, 130, 95, 105], 0.2, 1).Score, 9);
        Assert.Equal(0.6745 * 80 / 40, RobustScore.Of(180, [100, 100, 100, 100], 0, 40).Score, 9);
    }

    // By counting what lies below instead of sorting: the values with as many below as above, the mean of the two where their number is even.
    private static double MiddleByRank(double[] values)
    {
        double At(int rank) => values.First(one => values.Count(other => other < one) <= rank && values.Count(other => other <= one) > rank);
        return (At((values.Length - 1) / 2) + At(values.Length / 2)) / 2;
    }
}
