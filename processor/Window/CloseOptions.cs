using Stockflow.Model;

namespace Stockflow.Window;

/// <summary>Settings of closing hours and of the measures that follow from closed hours.</summary>
public sealed record CloseOptions
{
    /// <summary>Whether this process closes hours while it owns the topic's first partition.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Time between two looks for hours to close and late events, seconds; up to six times as long while a look takes more than a tenth of it.</summary>
    public int IntervalSeconds { get; init; } = 10;

    /// <summary>How long after a sale hours in which nothing could be sold get a row though nothing happened in them, days.</summary>
    public int StockoutRowDays { get; init; } = 28;

    /// <summary>Rows that one statement works on: its memory follows from it.</summary>
    public int RowsPerStatement { get; init; } = 1_000_000;

    /// <summary>SKU and location pairs that are restated by one statement.</summary>
    public int KeysPerStatement { get; init; } = 10_000;

    /// <summary>View lost_sales: trailing window of the expected rate, days.</summary>
    public int LostSalesWindowDays { get; init; } = 56;

    /// <summary>View lost_sales: hours of the same hour of the week, in stock and without promotion, that it takes to know a rate.</summary>
    public int LostSalesMinimumHours { get; init; } = 4;

    /// <summary>View promo_lift: trailing weeks of the same weekday.</summary>
    public int PromoLiftWeeks { get; init; } = 8;

    /// <summary>View promo_lift: days among them, without promotion and stockout, that it takes to know a baseline.</summary>
    public int PromoLiftMinimumDays { get; init; } = 4;

    /// <summary>What the views read from table measure_settings.</summary>
    internal IReadOnlyDictionary<string, double> Measures => new Dictionary<string, double>
    {
        ["lost_sales_window_days"] = LostSalesWindowDays,
        ["lost_sales_minimum_hours"] = LostSalesMinimumHours,
        ["promo_lift_weeks"] = PromoLiftWeeks,
        ["promo_lift_minimum_days"] = PromoLiftMinimumDays,
    };

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        Check(IntervalSeconds is >= 1 and <= 3600, "intervalSeconds", "from 1 to 3600");
        Check(StockoutRowDays is >= 0 and <= 3650, "stockoutRowDays", "from 0 to 3650");
        Check(RowsPerStatement is >= 1 and <= 100_000_000, "rowsPerStatement", "from 1 to 100000000");
        Check(KeysPerStatement is >= 1 and <= 1_000_000, "keysPerStatement", "from 1 to 1000000");
        Check(LostSalesWindowDays is >= 7 and <= 730, "lostSalesWindowDays", "from 7 to 730");
        Check(LostSalesMinimumHours is >= 1 and <= 100, "lostSalesMinimumHours", "from 1 to 100");
        Check(PromoLiftWeeks is >= 1 and <= 104, "promoLiftWeeks", "from 1 to 104");
        Check(PromoLiftMinimumDays >= 1 && PromoLiftMinimumDays <= PromoLiftWeeks, "promoLiftMinimumDays", "from 1 to promoLiftWeeks");
    }

    private static void Check(bool holds, string name, string range) => SetupException.ThrowIf(!holds, $"close.{name} must be {range}");
}
