using StackExchange.Redis;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>
/// Compares the peer's positions with the independent count. It adds and sets in the order of arrival, which is right for everything but the
/// on-hand of stock whose count came too late, and of counted or unknown sales that were corrected: those are left out.
/// </summary>
internal sealed class PeerCheck
{
    private const int Chunk = 2000;
    private readonly Dictionary<(int Sku, int Location), Seen> seen = [];
    private readonly HashSet<long> numbers = [];
    private readonly List<((int Sku, int Location) Place, long Corrects)> corrections = [];

    /// <summary>Goes over the load as it was sent.</summary>
    public static PeerCheck Of(GeneratorOptions load)
    {
        var check = new PeerCheck();
        var generator = new Generator(load);
        while (generator.TryNext(out var fact))
        {
            if (fact.Flaw == FactFlaw.None && check.numbers.Add(fact.Number))
            {
                check.Note(in fact);
            }
        }

        foreach (var (place, corrects) in check.corrections)
        {
            if (check.seen.TryGetValue(place, out var found) && (found.CountTs > 0 || !check.numbers.Contains(corrects)))
            {
                check.seen[place] = found with { IsOutside = true };
            }
        }

        check.numbers.Clear();
        return check;
    }

    /// <summary>Checks every position, and on-hand where the peer must have it right.</summary>
    /// <returns>Positions whose on-hand was left out.</returns>
    /// <exception cref="WrongResultException">Something differs.</exception>
    public async Task<int> VerifyAsync(IDatabase redis, string name, IndependentResult expected, GeneratorCatalog catalog)
    {
        var outside = seen.Where(pair => pair.Value.IsOutside).Select(pair => new PositionKey(catalog.SkuId(pair.Key.Sku), catalog.LocationId(pair.Key.Location))).ToHashSet();
        var left = 0;
        foreach (var chunk in expected.Positions.Chunk(Chunk))
        {
            var found = await Task.WhenAll(chunk.Select(pair => redis.HashGetAllAsync(Peer.KeyOf(name, pair.Key.SkuId, pair.Key.LocationId))));
            for (var i = 0; i < chunk.Length; i++)
            {
                var (key, counted) = chunk[i];
                var fields = found[i].ToDictionary(field => (string)field.Name!, field => (long)field.Value);
                var skipsOnHand = outside.Contains(key);
                left += skipsOnHand ? 1 : 0;
                var actual = new CountedPosition(skipsOnHand ? counted.OnHand : Field("on_hand"), Field("unsellable"), Field("reserved"), Field("in_transit_in"), Field("in_transit_out"));
                if (actual != counted)
                {
                    throw new WrongResultException($"the peer's {key.SkuId} {key.LocationId} is {actual}, but the independent count says {counted}.");
                }

                long Field(string field) => fields.GetValueOrDefault(field);
            }
        }

        return left;
    }

    private void Note(in GeneratedFact fact)
    {
        var place = (fact.Sku, fact.Location);
        if (fact.Type == MovementType.Correction)
        {
            corrections.Add((place, fact.Corrects));
            return;
        }

        var before = seen.GetValueOrDefault(place);
        seen[place] = fact.Type == MovementType.CycleCount
            ? before with { CountTs = Math.Max(before.CountTs, fact.EventTs), LastTs = Math.Max(before.LastTs, fact.EventTs), IsOutside = before.IsOutside || fact.EventTs < before.LastTs || fact.EventTs <= before.CountTs }
            : before with { LastTs = Math.Max(before.LastTs, fact.EventTs), IsOutside = before.IsOutside || fact.EventTs <= before.CountTs };
    }

    private readonly record struct Seen(long CountTs, long LastTs, bool IsOutside);
}
