using System.Collections.Concurrent;

namespace Stockflow.Model;

/// <summary>Kind of place. The order is that of the Avro enum <c>LocationKind</c>.</summary>
public enum LocationKind : byte
{
    Unknown,
    Store,
    DistributionCentre,
    Ecommerce,
    Vendor,
}

/// <summary>What is kept of a location.</summary>
/// <param name="Kind">Kind of place.</param>
/// <param name="Place">Null where it is not known.</param>
public sealed record LocationDetails(LocationKind Kind, GeoPoint? Place)
{
    /// <summary>Of a location of which only the id is known.</summary>
    public static LocationDetails None { get; } = new(LocationKind.Unknown, null);
}

/// <summary>What is kept of a SKU.</summary>
/// <param name="Stocked">False for services and fees.</param>
/// <param name="UnitCost">Standard cost, ten-thousandths of the currency unit.</param>
/// <param name="AbcClass">A, B or C.</param>
public readonly record struct SkuDetails(bool Stocked, long? UnitCost, char? AbcClass);

/// <summary>
/// What the <c>reference.*</c> topics say of SKUs, locations and vendors' costs. Filled by their reader; thread-safe.
/// </summary>
public sealed class ReferenceCatalog
{
    private readonly ConcurrentDictionary<string, SkuDetails> skus = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, LocationDetails> locations = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> vendorCosts = new(StringComparer.Ordinal);

    /// <summary>Whether the topics have been read to their end once: before that, what is absent may be known all the same.</summary>
    public bool IsLoaded { get; set; }

    public int SkuCount => skus.Count;

    public int LocationCount => locations.Count;

    public void PutSku(string skuId, bool stocked) => PutSku(skuId, new SkuDetails(stocked, null, null));

    public void PutSku(string skuId, SkuDetails details) => skus[skuId] = details;

    public void RemoveSku(string skuId) => skus.TryRemove(skuId, out _);

    /// <summary>Makes the location known; what was known of it stays.</summary>
    public void PutLocation(string locationId) => locations.TryAdd(locationId, LocationDetails.None);

    public void PutLocation(string locationId, LocationDetails details) => locations[locationId] = details;

    public void RemoveLocation(string locationId) => locations.TryRemove(locationId, out _);

    /// <param name="skuId">Stock keeping unit.</param>
    /// <param name="vendorId">Vendor.</param>
    /// <param name="unitCost">Ten-thousandths of the currency unit; null where the vendor names none.</param>
    public void PutVendorCost(string skuId, string vendorId, long? unitCost)
    {
        if (unitCost is { } cost)
        {
            vendorCosts[Terms(skuId, vendorId)] = cost;
        }
        else
        {
            vendorCosts.TryRemove(Terms(skuId, vendorId), out _);
        }
    }

    public bool TryGetSku(string skuId, out bool stocked)
    {
        var isKnown = skus.TryGetValue(skuId, out var details);
        stocked = details.Stocked;
        return isKnown;
    }

    public SkuDetails? Sku(string skuId) => skus.TryGetValue(skuId, out var details) ? details : null;

    public bool HasLocation(string locationId) => locations.ContainsKey(locationId);

    public LocationDetails? Location(string locationId) => locations.GetValueOrDefault(locationId);

    /// <summary>The locations as they are now, in no order.</summary>
    public IReadOnlyList<KeyValuePair<string, LocationDetails>> Locations() => locations.ToArray();

    /// <summary>What a vendor takes for a unit, ten-thousandths of the currency unit; null where it is not known.</summary>
    public long? VendorCost(string skuId, string vendorId) => vendorCosts.TryGetValue(Terms(skuId, vendorId), out var cost) ? cost : null;

    // The key of the topic.
    private static string Terms(string skuId, string vendorId) => $"{skuId}|{vendorId}";
}
