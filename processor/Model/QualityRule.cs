using System.Text.Json.Serialization;

namespace Stockflow.Model;

/// <summary>What a data quality rule looks at.</summary>
public enum QualityKind
{
    /// <summary>Share of records that decoding or validation refused.</summary>
    Schema,

    /// <summary>Share of records whose SKU or location the reference data lacks, and keys of the ledger that it lacks.</summary>
    Reference,

    /// <summary>Share of records whose event_id had come before.</summary>
    Uniqueness,

    /// <summary>Age of a source's last event, and how late its events come.</summary>
    Freshness,

    /// <summary>Events of a source in an hour, against the same hour of the weeks before.</summary>
    Volume,

    /// <summary>Mean units or price of a source's sales in an hour, against the same hour of the weeks before.</summary>
    Value,

    /// <summary>Positions below zero on-hand.</summary>
    Negative,

    /// <summary>Records that the rule holds back until somebody releases them.</summary>
    Quarantine,
}

/// <summary>Which deviations of volume and value rules count.</summary>
public enum QualityDirection
{
    Both,
    Low,
    High,
}

/// <summary>One rule of <c>schemas/quality.yml</c>, checked when it was read. Each kind uses some of the parameters; see that file.</summary>
public sealed record QualityRule
{
    public required string Name { get; init; }

    public required QualityKind Kind { get; init; }

    /// <summary>info, warning or critical.</summary>
    public required string Severity { get; init; }

    public required string Description { get; init; }

    /// <summary>How far back it looks, minutes of the time of recording.</summary>
    public int WindowMinutes { get; init; } = 15;

    /// <summary>Share of records above which it fails.</summary>
    public double MaximumShare { get; init; }

    /// <summary>Records in the window below which it judges nothing.</summary>
    public long MinimumRecords { get; init; } = 100;

    /// <summary>Reason codes that count; empty for every one but those that other kinds look at.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>sku or location of a reference rule; units or price of a value rule.</summary>
    public string Field { get; init; } = "";

    /// <summary>source_system; empty for each.</summary>
    public string Source { get; init; } = "";

    /// <summary>Age of the last event above which it fails, minutes of event time.</summary>
    public double MaximumAgeMinutes { get; init; }

    /// <summary>95 % of a window's events may come this much later than they happened, minutes; null for any.</summary>
    public double? MaximumLatenessMinutes { get; init; }

    /// <summary>Weeks before that are compared with.</summary>
    public int Weeks { get; init; } = 4;

    /// <summary>Weeks with the source in them below which it judges nothing.</summary>
    public int MinimumWeeks { get; init; } = 3;

    /// <summary>Robust z-score above which it fails; 3.5 is what Iglewicz and Hoaglin recommend.</summary>
    public double MaximumScore { get; init; } = 3.5;

    /// <summary>Least deviation to divide by, as a share of the median: weeks that are all alike would make any difference endless.</summary>
    public double FloorShare { get; init; } = 0.05;

    /// <summary>The same as a number.</summary>
    public double Floor { get; init; } = 1;

    public QualityDirection Direction { get; init; }

    /// <summary>Minutes after the end of an hour before it is judged: its events may still come.</summary>
    public int GraceMinutes { get; init; } = 15;

    /// <summary>Positions or records above which it fails.</summary>
    public long MaximumCount { get; init; }

    /// <summary>What a quarantine rule holds; else null.</summary>
    public HoldCondition? When { get; init; }

    /// <summary>The bound that results are told with.</summary>
    public double Threshold => Kind switch
    {
        QualityKind.Freshness => MaximumAgeMinutes,
        QualityKind.Volume or QualityKind.Value => MaximumScore,
        QualityKind.Negative or QualityKind.Quarantine => MaximumCount,
        _ => MaximumShare,
    };

    /// <summary>Name of the kind in files, tables and answers.</summary>
    public string KindName => Kind.ToString().ToLowerInvariant();
}

/// <summary>Condition on one movement; every part that is given must hold. Money in ten-thousandths of the currency unit.</summary>
public sealed record HoldCondition
{
    /// <summary>source_system values; empty for any.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    public IReadOnlyList<MovementType> Types { get; init; } = [];

    /// <summary>location_id values; empty for any.</summary>
    public IReadOnlyList<string> Locations { get; init; } = [];

    /// <summary>Units, of qty_delta without its sign or of counted_qty; null for any.</summary>
    public long? QuantityAbove { get; init; }

    public long? PriceAbove { get; init; }

    /// <summary>Units times unit_price.</summary>
    public long? ValueAbove { get; init; }
}

/// <summary>What a rule's evaluation found.</summary>
public static class QualityStatus
{
    public const string Unknown = "unknown", Pass = "pass", Fail = "fail";
}

/// <summary>One evaluation of a rule. Times in UTC.</summary>
/// <param name="Rule">Its name.</param>
/// <param name="Kind">What it looks at.</param>
/// <param name="Severity">info, warning or critical.</param>
/// <param name="Description">What it is for.</param>
/// <param name="Status">One of <see cref="QualityStatus"/>.</param>
/// <param name="EvaluatedAt">When.</param>
/// <param name="Since">Start of the time that was looked at.</param>
/// <param name="Until">End of it.</param>
/// <param name="Observed">What was found: a share, minutes, events or units an hour, positions; null where nothing could be.</param>
/// <param name="Expected">What is usual; null where a bound alone decides.</param>
/// <param name="Threshold">Bound on the observed, or on its robust z-score.</param>
/// <param name="Violations">Records or keys that broke the rule.</param>
/// <param name="Samples">Some of them, or why the status is unknown.</param>
public sealed record QualityResult(
    [property: JsonPropertyName("rule")] string Rule,
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("severity")] string Severity,
    [property: JsonPropertyName("description")] string Description,
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("evaluated_at")] DateTime EvaluatedAt,
    [property: JsonPropertyName("since")] DateTime Since,
    [property: JsonPropertyName("until")] DateTime Until,
    [property: JsonPropertyName("observed")] double? Observed,
    [property: JsonPropertyName("expected")] double? Expected,
    [property: JsonPropertyName("threshold")] double Threshold,
    [property: JsonPropertyName("violations")] long Violations,
    [property: JsonPropertyName("samples")] IReadOnlyList<string> Samples)
{
    /// <summary>Whether it fails and is critical.</summary>
    [JsonIgnore]
    public bool IsCritical => Status == QualityStatus.Fail && Severity == "critical";
}
