using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// A lane's positions in memory, each at a place that stays its own until <see cref="Clear"/>. Found by the numbers of SKU and location
/// through an open-addressing index of 8 bytes a position. Not thread-safe.
/// </summary>
internal sealed class PositionCache
{
    private readonly ChunkedArray<Entry> entries = new();
    private int[] index = new int[2048];

    public int Count { get; private set; }

    /// <summary>The position at a place; a reference holds until <see cref="Clear"/>.</summary>
    public ref Entry this[int place] => ref entries[place];

    /// <summary>The place of a position, given now if it <paramref name="isNew"/>: its state is the default then.</summary>
    public int Place(int sku, int location, out bool isNew)
    {
        var mask = index.Length - 1;
        var i = Hash(sku, location) & mask;
        for (; index[i] != 0; i = (i + 1) & mask)
        {
            ref var entry = ref entries[index[i] - 1];
            if (entry.Sku == sku && entry.Location == location)
            {
                isNew = false;
                return index[i] - 1;
            }
        }

        isNew = true;
        if (Count == index.Length / 2)
        {
            Reindex();
            return Place(sku, location, out isNew);
        }

        if (Count == entries.Length)
        {
            entries.Grow(Count + 1);
        }

        entries[Count] = new Entry { Sku = sku, Location = location };
        index[i] = ++Count;
        return Count - 1;
    }

    /// <summary>Fetches what <see cref="Place"/> will look at first.</summary>
    public void Prefetch(int sku, int location) => CacheLine.Prefetch(ref index[Hash(sku, location) & (index.Length - 1)]);

    /// <summary>Fetches what it will look at next, once the first is there.</summary>
    public void PrefetchEntry(int sku, int location)
    {
        var place = index[Hash(sku, location) & (index.Length - 1)];
        if (place != 0)
        {
            ref var entry = ref entries[place - 1];
            CacheLine.Prefetch(ref entry);
            CacheLine.Prefetch(ref entry.WasNegative);
        }
    }

    public void Clear()
    {
        Array.Clear(index);
        Count = 0;
    }

    private void Reindex()
    {
        index = new int[index.Length * 2];
        var mask = index.Length - 1;
        for (var place = 0; place < Count; place++)
        {
            var i = Hash(entries[place].Sku, entries[place].Location) & mask;
            while (index[i] != 0)
            {
                i = (i + 1) & mask;
            }

            index[i] = place + 1;
        }
    }

    // Fibonacci hashing: numbers are small and dense, and the high bits of the product spread them.
    private static int Hash(int sku, int location) => (int)((((ulong)(uint)sku << 32 | (uint)location) * 0x9E3779B97F4A7C15) >> 33);

    public struct Entry
    {
        public int Sku, Location;
        public PositionState State;

        /// <summary>Whether the batch in work has changed it, and whether on-hand was below zero before that.</summary>
        public bool IsDirty, WasNegative;
    }
}
