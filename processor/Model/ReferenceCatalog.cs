using System.Collections.Concurrent;

namespace Stockflow.Model;

/// <summary>
/// The SKUs and locations that the <c>reference.*</c> topics name. Filled by their reader; thread-safe.
/// </summary>
public sealed class ReferenceCatalog
{
    private readonly ConcurrentDictionary<string, bool> skus = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> locations = new(StringComparer.Ordinal);

    public int SkuCount => skus.Count;

    public int LocationCount => locations.Count;

    public void PutSku(string skuId, bool stocked) => skus[skuId] = stocked;

    public void RemoveSku(string skuId) => skus.TryRemove(skuId, out _);

    public void PutLocation(string locationId) => locations[locationId] = 0;

    public void RemoveLocation(string locationId) => locations.TryRemove(locationId, out _);

    public bool TryGetSku(string skuId, out bool stocked) => skus.TryGetValue(skuId, out stocked);

    public bool HasLocation(string locationId) => locations.ContainsKey(locationId);
}
