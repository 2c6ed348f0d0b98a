using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Settings of the allocation of orders to locations. A shipment costs
/// <c>distance * perKilometre + perShipment + loadPenalty * workload</c>, in one currency, whatever it holds.
/// </summary>
public sealed record AllocationOptions
{
    /// <summary>Cost of one kilometre.</summary>
    public double PerKilometre { get; init; } = 0.01;

    /// <summary>Cost of one shipment.</summary>
    public double PerShipment { get; init; } = 4;

    /// <summary>What a shipment from a location that is wholly busy (workload 1) costs more than from one that is idle.</summary>
    public double LoadPenalty { get; init; } = 3;

    /// <summary>Whether one far shipment is better than two near ones, whatever they cost.</summary>
    public bool PreferFewestShipments { get; init; } = true;

    /// <summary>Most shipments of one order; a request may ask for fewer.</summary>
    public int MaximumShipments { get; init; } = 5;

    /// <summary>Up to how many locations every choice is tried; beyond it the most promising ones are.</summary>
    public int ExactLocations { get; init; } = 12;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        Cost("perKilometre", PerKilometre);
        Cost("perShipment", PerShipment);
        Cost("loadPenalty", LoadPenalty);
        SetupException.ThrowIf(MaximumShipments is < 1 or > 100, "allocation.maximumShipments must be from 1 to 100");
        SetupException.ThrowIf(ExactLocations is < 1 or > 14, "allocation.exactLocations must be from 1 to 14");
    }

    private static void Cost(string name, double value) =>
        SetupException.ThrowIf(!(value is >= 0 and <= 1_000_000), $"allocation.{name} must be from 0 to 1000000");
}
