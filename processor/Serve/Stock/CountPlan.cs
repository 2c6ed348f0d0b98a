namespace Stockflow.Serve.Stock;

/// <summary>How often a position is counted, as it is stored and answered. Times in UTC.</summary>
public sealed record CountPlan
{
    public const string Planned = "PLANNED", Due = "DUE";

    /// <summary>SKU/LOCATION; see <see cref="Key"/>.</summary>
    public required string PlanId { get; init; }

    public required string SkuId { get; init; }

    public required string LocationId { get; init; }

    public required string State { get; init; }

    /// <summary>A, B or C.</summary>
    public required string AbcClass { get; init; }

    /// <summary>Days from one count to the next now; fewer than the class has while counts vary much.</summary>
    public required int IntervalDays { get; init; }

    /// <summary>When it is counted next; while DUE, since when.</summary>
    public required DateTime DueAt { get; init; }

    /// <summary>The sheet to fill in while DUE.</summary>
    public string? CountId { get; init; }

    public DateTime? LastCountedAt { get; init; }

    public decimal? LastVariancePercent { get; init; }

    /// <summary>Counts in a row without a high variance.</summary>
    public int QuietCounts { get; init; }

    public required DateTime ChangedAt { get; init; }

    /// <summary>
    /// As a path shows it after decoding: a slash within an id stays %2F, so that the two parts can be told apart.
    /// </summary>
    public static string Key(string skuId, string locationId) => Part(skuId) + "/" + Part(locationId);

    /// <summary>The two ids of a path; null where it has not two parts.</summary>
    public static (string SkuId, string LocationId)? Parts(string key) =>
        key.Split('/') is [{ Length: > 0 } sku, { Length: > 0 } location] ? (Whole(sku), Whole(location)) : null;

    /// <summary>The plan after a count whose variance was approved.</summary>
    public CountPlan After(CountSheet sheet, DateTime now, CountOptions options)
    {
        var normal = options.Days(AbcClass);
        var isHigh = Math.Abs(sheet.VariancePercent ?? 0) > options.HighVariancePercent;
        var quiet = isHigh ? 0 : QuietCounts + 1;
        var days = isHigh ? Math.Max(1, IntervalDays / 2) : quiet >= 2 ? normal : IntervalDays;
        return this with
        {
            State = Planned,
            IntervalDays = days,
            DueAt = now.AddDays(days),
            CountId = null,
            LastCountedAt = sheet.CountedAt,
            LastVariancePercent = sheet.VariancePercent,
            QuietCounts = quiet,
            ChangedAt = now,
        };
    }

    private static string Part(string id) => id.Replace("/", "%2F", StringComparison.Ordinal);

    private static string Whole(string part) => part.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}

/// <summary>A request to plan counts; due_at is the first one, an interval from now unless given.</summary>
public sealed record CountPlanRequest(string? AbcClass, DateTime? DueAt = null);
