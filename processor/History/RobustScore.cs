namespace Stockflow.History;

/// <summary>
/// The modified z-score of Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993: 0.6745 x (value - median) / MAD, MAD being the median of the
/// distances from the median. One odd week among those that are compared with moves neither.
/// </summary>
internal static class RobustScore
{
    /// <summary>The 0.75 quantile of the normal distribution: MAD / 0.6745 estimates the standard deviation of normal values.</summary>
    private const double Scale = 0.6745;

    /// <param name="value">What is judged.</param>
    /// <param name="history">What it is compared with; not empty.</param>
    /// <param name="floorShare">Least MAD as a share of the median.</param>
    /// <param name="floor">Least MAD; above 0.</param>
    public static (double Score, double Median) Of(double value, IReadOnlyCollection<double> history, double floorShare, double floor)
    {
        var median = Median(history);
        var deviation = Math.Max(Median([.. history.Select(one => Math.Abs(one - median))]), Math.Max(floor, floorShare * Math.Abs(median)));
        return (Scale * (value - median) / deviation, median);
    }

    private static double Median(IReadOnlyCollection<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
