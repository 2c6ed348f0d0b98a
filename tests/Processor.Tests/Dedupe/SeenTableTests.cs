using Stockflow.Dedupe;
using Xunit;

namespace Stockflow.Tests.Dedupe;

public sealed class SeenTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void It_answers_as_a_dictionary_does_through_growth_and_expiry(int seed)
    {
        var random = new Random(seed);
        var table = new SeenTable();
        var model = new Dictionary<UInt128, long>();
        long horizon = 0;
        for (long offset = 0; offset < 60_000; offset++)
        {
            // Many at the table's beginning and at its end, so that runs are long and go over the end; the rest anywhere.
            var (number, lower) = ((ulong)random.Next(50), (ulong)random.Next(1, 2000));
            var upper = random.Next(3) switch { 0 => number, 1 => ulong.MaxValue - number, _ => (number + lower) * 0x9E3779B97F4A7C15 };
            var fingerprint = new UInt128(upper, lower);
            var expected = model.TryGetValue(fingerprint, out var first) && first >= horizon ? first : offset;
            Assert.Equal(expected, table.FirstOffset(fingerprint, offset));
            model[fingerprint] = expected;
            if (random.Next(5000) == 0)
            {
                horizon = Math.Max(horizon, offset - random.Next(1000));
                table.ExpireBelow(horizon);
            }
        }

        foreach (var (fingerprint, first) in model)
        {
            Assert.Equal(first >= horizon ? first : -1, table.Lookup(fingerprint));
        }
    }

    [Fact]
    public void Expired_entries_give_their_memory_back()
    {
        var table = new SeenTable();
        for (long offset = 0; offset < 1_000_000; offset++)
        {
            table.ExpireBelow(offset - 1000);
            table.FirstOffset(new UInt128((ulong)offset * 0x9E3779B97F4A7C15, (ulong)offset * 0xD6E8FEB86659FD93), offset);
        }

        Assert.InRange(table.Bytes, 1, 24 * 8192);
    }

    [Fact]
    public void A_growing_table_allocates_what_it_holds()
    {
        var table = new SeenTable();
        long offset = 0;
        var (before, held) = (GC.GetAllocatedBytesForCurrentThread(), table.Bytes);
        Fill(200_000);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, table.Bytes - held, (table.Bytes - held) * 1.05);

        void Fill(int events)
        {
            for (var end = offset + events; offset < end; offset++)
            {
                table.FirstOffset(new UInt128((ulong)offset * 0x9E3779B97F4A7C15, (ulong)offset * 0xD6E8FEB86659FD93), offset);
            }
        }
    }

    [Fact]
    public void A_full_horizon_allocates_nothing()
    {
        const int Horizon = 20_000;
        var table = new SeenTable();
        long offset = 0;
        Fill(10 * Horizon);

        // The table runs out of room several times in a round.
        Assert.Equal(0, Allocations.Least(() => Fill(10 * Horizon)));

        void Fill(int events)
        {
            for (var end = offset + events; offset < end; offset++)
            {
                // A bucket at a time, as the stage does it.
                table.ExpireBelow((offset - Horizon) / 1000 * 1000);
                table.FirstOffset(new UInt128((ulong)offset * 0x9E3779B97F4A7C15, (ulong)offset * 0xD6E8FEB86659FD93), offset);
            }
        }
    }
}
