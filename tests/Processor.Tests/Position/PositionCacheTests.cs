using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

public sealed class PositionCacheTests
{
    [Fact]
    public void Each_position_has_one_place_and_keeps_it_while_the_cache_grows()
    {
        var random = new Random(20261121);
        var cache = new PositionCache();
        var places = new Dictionary<(int, int), int>();
        for (var i = 0; i < 200_000; i++)
        {
            // Dense numbers, as ids get them, and some far ones.
            var key = random.Next(8) == 0 ? (random.Next(), random.Next()) : (random.Next(300), random.Next(200));
            var place = cache.Place(key.Item1, key.Item2, out var isNew);

            Assert.Equal(places.TryAdd(key, place), isNew);
            Assert.Equal(places[key], place);
            Assert.Equal(key, (cache[place].Sku, cache[place].Location));
        }

        Assert.Equal(places.Count, cache.Count);
    }

    [Fact]
    public void A_cleared_cache_gives_new_places_with_default_states()
    {
        var cache = new PositionCache();
        cache[cache.Place(7, 8, out _)].State = new PositionState { OnHand = 5 };
        cache.Clear();

        var place = cache.Place(7, 8, out var isNew);

        Assert.True(isNew);
        Assert.Equal(default, cache[place].State);
        Assert.Equal(1, cache.Count);
    }
}
