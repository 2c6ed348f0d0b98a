using System.Text.Json.Serialization;

namespace Stockflow.Serve.Stock;

/// <summary>Something that happened to a count, for an audit.</summary>
/// <param name="At">When, UTC.</param>
/// <param name="By">Who.</param>
/// <param name="What">CREATED, COUNTED, APPROVED or REJECTED.</param>
/// <param name="Detail">What more there is to say.</param>
public sealed record CountTrail(DateTime At, string By, string What, string? Detail = null);

/// <summary>
/// A count of one position, as it is stored and answered. It holds what the book said only once the counted units are entered, so that
/// nobody counts towards a number. Units; money in the currency of the costs; times in UTC.
/// </summary>
public sealed record CountSheet
{
    public const string Open = "OPEN", PendingApproval = "PENDING_APPROVAL", Approved = "APPROVED", Rejected = "REJECTED";

    /// <summary>Approver of what is within the threshold.</summary>
    public const string Auto = "auto";

    public static readonly string[] RootCauses = ["THEFT", "DAMAGE", "MISPLACED", "RECEIVING_ERROR", "PICKING_ERROR", "DATA_ERROR", "UNKNOWN"];

    public required string CountId { get; init; }

    public required string SkuId { get; init; }

    public required string LocationId { get; init; }

    public required string State { get; init; }

    public required DateTime CreatedAt { get; init; }

    public DateTime ChangedAt { get; init; }

    public required string CreatedBy { get; init; }

    public string? Counter { get; init; }

    public DateTime? CountedAt { get; init; }

    public long? Counted { get; init; }

    /// <summary>On-hand by the book when the count was entered.</summary>
    public long? Expected { get; init; }

    /// <summary>Counted less expected.</summary>
    public long? VarianceUnits { get; init; }

    /// <summary>Of what was expected; 100 if that was nothing and something was found.</summary>
    public decimal? VariancePercent { get; init; }

    /// <summary>Null while the cost is not known.</summary>
    public decimal? UnitCost { get; init; }

    public decimal? VarianceValue { get; init; }

    public string? DecidedBy { get; init; }

    public DateTime? DecidedAt { get; init; }

    public string? RootCause { get; init; }

    /// <summary>Why it was rejected.</summary>
    public string? Reason { get; init; }

    /// <summary>The sheet that replaces a rejected one.</summary>
    public string? RecountId { get; init; }

    public required IReadOnlyList<CountTrail> Trail { get; init; }

    public bool IsOver => State is Approved or Rejected;
}

/// <summary>A request for a sheet.</summary>
public sealed record CountRequest(string? SkuId, string? LocationId);

/// <summary>The units that were counted; <c>counter</c> names the person where no API keys are in use.</summary>
public sealed record CountEntryRequest(long? Counted, string? Counter = null);

/// <summary>A second person's consent.</summary>
public sealed record CountApprovalRequest(string? RootCause, string? PerformedBy = null);

/// <summary>A second person's refusal.</summary>
public sealed record CountRejectionRequest(string? Reason, string? PerformedBy = null);

/// <summary>What the approved counts of the last days say. Units and money; shrink is above zero for what is missing.</summary>
public sealed record ShrinkagePayload(
    int Days, string? LocationId, long Counts, long ShrinkUnits, long NetUnits, decimal ShrinkValue, decimal NetValue, decimal BookValue, decimal? Rate, string Base,
    long CountsWithoutCost, bool Truncated);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(CountSheet))]
[JsonSerializable(typeof(CountRequest))]
[JsonSerializable(typeof(CountEntryRequest))]
[JsonSerializable(typeof(CountApprovalRequest))]
[JsonSerializable(typeof(CountRejectionRequest))]
[JsonSerializable(typeof(CountPlan))]
[JsonSerializable(typeof(CountPlanRequest))]
[JsonSerializable(typeof(EndRequest))]
[JsonSerializable(typeof(ShrinkagePayload))]
internal sealed partial class CountJson : JsonSerializerContext;
