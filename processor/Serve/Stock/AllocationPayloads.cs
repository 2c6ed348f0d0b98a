using System.Text.Json.Serialization;

namespace Stockflow.Serve.Stock;

/// <summary>Body of POST /v1/allocations.</summary>
/// <param name="Destination">Where it goes.</param>
/// <param name="Lines">1 to 100.</param>
/// <param name="ShipComplete">Everything or nothing.</param>
/// <param name="MaximumSplits">Shipments at most; null takes the setting.</param>
/// <param name="Locations">Which may ship; null: every one that has stock.</param>
internal sealed record AllocationRequest(
    PlacePayload Destination, AllocationRequestLine[] Lines, bool ShipComplete = false, int? MaximumSplits = null, AllocationRequestLocation[]? Locations = null);

internal sealed record PlacePayload(double Latitude, double Longitude);

/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="Quantity">Units.</param>
/// <param name="LineId">Null takes the place among the lines, from 1.</param>
internal sealed record AllocationRequestLine(string SkuId, long Quantity, string? LineId = null);

/// <summary>A location that may ship; what is null is as the processor knows it.</summary>
/// <param name="LocationId">Location.</param>
/// <param name="UnitsLeft">Units that it can still ship today.</param>
/// <param name="ShipmentsLeft">Shipments that it can still make today.</param>
/// <param name="Workload">0 idle to 1 wholly busy.</param>
internal sealed record AllocationRequestLocation(string LocationId, long? UnitsLeft = null, long? ShipmentsLeft = null, double? Workload = null);

/// <summary>Answer: a plan. Nothing is reserved by it. Units; costs in the currency of the settings.</summary>
internal sealed record AllocationPayload(
    bool Complete, long Requested, long Allocated, decimal Cost, bool Exact, IEnumerable<AllocationShipmentPayload> Shipments,
    IEnumerable<AllocationLinePayload> Unallocated, IReadOnlyList<string> Reasons)
{
    public static AllocationPayload Of(AllocationPlan plan) => new(
        plan.Allocated == plan.Requested, plan.Requested, plan.Allocated, AllocationCostPayload.Money(plan.Cost), plan.IsExact,
        plan.Shipments.Select(AllocationShipmentPayload.Of), plan.Unallocated.Select(AllocationLinePayload.Of), plan.Reasons);
}

internal sealed record AllocationShipmentPayload(
    string LocationId, double DistanceKm, long Quantity, AllocationCostPayload Cost, IEnumerable<AllocationLinePayload> Lines)
{
    public static AllocationShipmentPayload Of(AllocationShipment shipment) => new(
        shipment.LocationId, Math.Round(shipment.Kilometres, 3), shipment.Lines.Sum(line => line.Quantity), AllocationCostPayload.Of(shipment.Cost),
        shipment.Lines.Select(AllocationLinePayload.Of));
}

internal sealed record AllocationLinePayload(string LineId, string SkuId, long Quantity)
{
    public static AllocationLinePayload Of(AllocationLine line) => new(line.LineId, line.SkuId, line.Quantity);
}

internal sealed record AllocationCostPayload(decimal Distance, decimal Shipment, decimal Load, decimal Total)
{
    public static AllocationCostPayload Of(AllocationCost cost) => new(Money(cost.Distance), Money(cost.Shipment), Money(cost.Load), Money(cost.Total));

    public static decimal Money(long cost) => cost / 10_000m;
}

/// <summary>A field that nobody reads, one that stands twice or one that is missing is refused.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(AllocationRequest))]
[JsonSerializable(typeof(AllocationPayload))]
internal sealed partial class AllocationJson : JsonSerializerContext;
