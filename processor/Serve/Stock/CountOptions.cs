using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>When a count's variance is posted without a second person, and how often is counted.</summary>
public sealed record CountOptions
{
    /// <summary>Up to so many units up or down, and not more than <see cref="ThresholdValue"/>, nobody has to approve.</summary>
    public long ThresholdUnits { get; init; } = 2;

    /// <summary>In the currency of the costs; counts for nothing where the cost is unknown.</summary>
    public decimal ThresholdValue { get; init; } = 50.00m;

    /// <summary>Above so many percent up or down a plan counts twice as often, until two counts in a row are below.</summary>
    public decimal HighVariancePercent { get; init; } = 5;

    /// <summary>Days between two counts of an A, B and C position.</summary>
    public int ClassADays { get; init; } = 7;

    public int ClassBDays { get; init; } = 14;

    public int ClassCDays { get; init; } = 30;

    internal int Days(string abcClass) => abcClass switch
    {
        "A" => ClassADays,
        "B" => ClassBDays,
        "C" => ClassCDays,
        _ => throw RefusedCommandException.BadValue("abc_class", "must be A, B or C"),
    };

    internal bool NeedsNobody(long units, decimal? value) => Math.Abs(units) <= ThresholdUnits && Math.Abs(value ?? 0) <= ThresholdValue;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(ThresholdUnits is < 0 or > 1_000_000, "counts.thresholdUnits must be from 0 to 1000000");
        SetupException.ThrowIf(ThresholdValue is < 0 or > 1_000_000_000, "counts.thresholdValue must be from 0 to 1000000000");
        SetupException.ThrowIf(HighVariancePercent is < 0 or > 1000, "counts.highVariancePercent must be from 0 to 1000");
        Check("classADays", ClassADays);
        Check("classBDays", ClassBDays);
        Check("classCDays", ClassCDays);
    }

    private static void Check(string name, int days) => SetupException.ThrowIf(days is < 1 or > 366, $"counts.{name} must be from 1 to 366");
}
