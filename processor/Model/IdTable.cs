using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stockflow.Model;

/// <summary>
/// Gives each distinct id of a lane a small number, so that stages compare and index by number and no event allocates a string.
/// The lane's decode block gives nearly all of them, a settlement now and then one; other blocks of the lane may read numbers that reached them.
/// It only grows: a lane that has met too many ids takes a new table, and caches keyed by the old numbers go with it.
/// </summary>
public sealed class IdTable
{
    /// <summary>Bits that stages keep on an id; see <see cref="Flags"/>.</summary>
    public const byte KnownSku = 1, KnownLocation = 2, NotStocked = 4, Foreign = 8;

    private const int MinimumSlots = 1024;

    /// <summary>Ids of up to this many bytes stand in their slot, so that finding one costs one cache line.</summary>
    private const int Inline = 16;

    private readonly Lock gate = new();

    // Of this table's own, so that crafted ids can not be made to collide in advance.
    private readonly ulong seed0 = (ulong)Random.Shared.NextInt64() | 1, seed1 = (ulong)Random.Shared.NextInt64() | 1;
    private Slot[] slots = new Slot[MinimumSlots];
    private Slice[] texts = new Slice[MinimumSlots / 2];
    private byte[] flags = new byte[MinimumSlots / 2];
    private byte[] arena = new byte[16 * 1024];
    private int arenaLength;

    /// <summary>Number of distinct ids.</summary>
    public int Count { get; private set; }

    /// <summary>The number of <paramref name="id"/>, given now if it is new.</summary>
    public int Intern(ReadOnlySpan<byte> id)
    {
        lock (gate)
        {
            var number = Find(id);
            return number >= 0 ? number : Add(id);
        }
    }

    /// <summary>The number of <paramref name="id"/>, or -1 if it has none.</summary>
    public int Find(ReadOnlySpan<byte> id)
    {
        var key = KeyOf(id);
        var table = slots;
        var mask = table.Length - 1;
        for (var i = Place(key) & mask; ; i = (i + 1) & mask)
        {
            ref var slot = ref table[i];
            if (slot.First == key.First && slot.Last == key.Last && slot.Length == key.Length && slot.Next > 0
                && (id.Length <= Inline || Utf8(slot.Next - 1).SequenceEqual(id)))
            {
                return slot.Next - 1;
            }

            if (slot.Next == 0)
            {
                return -1;
            }
        }
    }

    /// <summary>Fetches what <see cref="Find"/> will look at first, so that it need not wait for memory.</summary>
    public void Prefetch(ReadOnlySpan<byte> id)
    {
        var table = slots;
        CacheLine.Prefetch(ref table[Place(KeyOf(id)) & (table.Length - 1)]);
    }

    /// <summary>UTF-8 of an id.</summary>
    public ReadOnlySpan<byte> Utf8(int number)
    {
        var text = texts[number];
        return arena.AsSpan(text.Start, text.Length);
    }

    public string Text(int number) => System.Text.Encoding.UTF8.GetString(Utf8(number));

    /// <summary>What the lane's writer knows of an id.</summary>
    public ref byte Flags(int number) => ref flags[number];

    private int Add(ReadOnlySpan<byte> id)
    {
        if (Count == texts.Length)
        {
            Grow();
        }

        if (arenaLength + id.Length > arena.Length)
        {
            // A new array: readers that hold the old one still see the ids they know.
            var grown = new byte[Math.Max(arena.Length * 2, arenaLength + id.Length)];
            arena.AsSpan(0, arenaLength).CopyTo(grown);
            arena = grown;
        }

        id.CopyTo(arena.AsSpan(arenaLength));
        texts[Count] = new Slice(arenaLength, id.Length);
        arenaLength += id.Length;
        Put(slots, KeyOf(id), ++Count);
        return Count - 1;
    }

    private void Grow()
    {
        Array.Resize(ref texts, texts.Length * 2);
        Array.Resize(ref flags, texts.Length);
        var grown = new Slot[texts.Length * 2];
        for (var number = 0; number < Count; number++)
        {
            Put(grown, KeyOf(Utf8(number)), number + 1);
        }

        slots = grown;
    }

    // The number is written last: a reader that sees it sees the rest of the slot.
    private void Put(Slot[] table, in Slot key, int next)
    {
        var mask = table.Length - 1;
        var i = Place(key) & mask;
        while (table[i].Next != 0)
        {
            i = (i + 1) & mask;
        }

        table[i].First = key.First;
        table[i].Last = key.Last;
        table[i].Length = key.Length;
        Volatile.Write(ref table[i].Next, next);
    }

    // Two words that, with the length, are all of a short id; those of a long one hold a hash of its middle and its end.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Slot KeyOf(ReadOnlySpan<byte> id)
    {
        ref var start = ref MemoryMarshal.GetReference(id);
        var length = id.Length;
        ulong first, last = 0;
        if (length >= 8)
        {
            first = Unsafe.ReadUnaligned<ulong>(ref start);
            last = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, length - 8));
            first = length <= Inline ? first : Middle(id, first);
        }
        else if (length >= 4)
        {
            first = Unsafe.ReadUnaligned<uint>(ref start) | ((ulong)Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, length - 4)) << 32);
        }
        else
        {
            first = length == 0 ? 0 : start | ((ulong)Unsafe.Add(ref start, length >> 1) << 8) | ((ulong)Unsafe.Add(ref start, length - 1) << 16);
        }

        return new Slot { First = first, Last = last, Length = length };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Middle(ReadOnlySpan<byte> id, ulong hash)
    {
        for (var i = 8; i < id.Length - 8; i += 8)
        {
            hash = Mix(hash ^ seed1, MemoryMarshal.Read<ulong>(id[i..]) ^ seed0);
        }

        return hash;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Place(in Slot key) => (int)Mix(key.First ^ seed0, key.Last ^ seed1 ^ ((ulong)key.Length << 56));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }

    /// <summary>24 bytes; <see cref="Next"/> is the number plus 1, and 0 in an empty one.</summary>
    private struct Slot
    {
        public ulong First, Last;
        public int Length, Next;
    }
}
