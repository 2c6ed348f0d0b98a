using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>What is to be allocated.</summary>
/// <param name="Destination">Where it goes.</param>
/// <param name="Lines">Lines with ids of their own; several may name one SKU.</param>
/// <param name="ShipComplete">Everything or nothing.</param>
/// <param name="MaximumShipments">Shipments at most.</param>
internal sealed record AllocationOrder(GeoPoint Destination, IReadOnlyList<AllocationLine> Lines, bool ShipComplete, int MaximumShipments);

/// <param name="LineId">Line within the order.</param>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="Quantity">Units, above zero.</param>
internal sealed record AllocationLine(string LineId, string SkuId, long Quantity);

/// <summary>A location that may ship.</summary>
/// <param name="LocationId">Location.</param>
/// <param name="Place">Null where it is not known; such a location ships nothing.</param>
/// <param name="UnitsLeft">Units that it can still ship today; null sets no bound.</param>
/// <param name="ShipmentsLeft">Shipments that it can still make today; null sets no bound.</param>
/// <param name="Workload">0 idle to 1 wholly busy.</param>
internal sealed record AllocationSite(string LocationId, GeoPoint? Place, long? UnitsLeft = null, long? ShipmentsLeft = null, double Workload = 0);

/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Location.</param>
/// <param name="Quantity">Units that can be promised.</param>
internal readonly record struct AvailableStock(string SkuId, string LocationId, long Quantity);

/// <summary>How an order can be shipped.</summary>
/// <param name="Shipments">Cheapest first.</param>
/// <param name="Unallocated">What remains of which line; empty for a complete plan.</param>
/// <param name="Requested">Units.</param>
/// <param name="Allocated">Units.</param>
/// <param name="IsExact">Whether no better plan exists; false where there were too many locations to try every choice.</param>
/// <param name="Reasons">Sentences for people.</param>
internal sealed record AllocationPlan(
    IReadOnlyList<AllocationShipment> Shipments, IReadOnlyList<AllocationLine> Unallocated, long Requested, long Allocated, bool IsExact, IReadOnlyList<string> Reasons)
{
    /// <summary>Ten-thousandths of the currency unit.</summary>
    public long Cost => Shipments.Sum(shipment => shipment.Cost.Total);
}

/// <param name="LocationId">Location that ships.</param>
/// <param name="Lines">What, and of which line.</param>
/// <param name="Kilometres">Great-circle distance to the destination.</param>
/// <param name="Cost">Its parts.</param>
internal sealed record AllocationShipment(string LocationId, IReadOnlyList<AllocationLine> Lines, double Kilometres, AllocationCost Cost);

/// <summary>Cost of a shipment, ten-thousandths of the currency unit, each part rounded.</summary>
internal readonly record struct AllocationCost(long Distance, long Shipment, long Load)
{
    private const double Unit = 10_000;

    public long Total => Distance + Shipment + Load;

    public static AllocationCost Of(AllocationOptions options, double kilometres, double workload) => new(
        Round(kilometres * options.PerKilometre), Round(options.PerShipment), Round(Math.Clamp(workload, 0, 1) * options.LoadPenalty));

    private static long Round(double cost) => (long)Math.Round(cost * Unit, MidpointRounding.AwayFromZero);
}
