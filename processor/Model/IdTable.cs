using System.Numerics;
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
    private readonly Lock gate = new();
    private readonly ulong seed = (ulong)Random.Shared.NextInt64() | 1;
    private int[] slots = new int[MinimumSlots];
    private Entry[] entries = new Entry[MinimumSlots / 2];
    private byte[] arena = new byte[16 * 1024];
    private int arenaLength;

    /// <summary>Number of distinct ids.</summary>
    public int Count { get; private set; }

    /// <summary>The number of <paramref name="id"/>, given now if it is new.</summary>
    public int Intern(ReadOnlySpan<byte> id)
    {
        var hash = Hash(id);
        lock (gate)
        {
            var mask = slots.Length - 1;
            for (var i = (int)hash & mask; ; i = (i + 1) & mask)
            {
                var number = slots[i] - 1;
                if (number < 0)
                {
                    return Add(id, hash, i);
                }

                ref var entry = ref entries[number];
                if (entry.Hash == hash && arena.AsSpan(entry.Start, entry.Length).SequenceEqual(id))
                {
                    return number;
                }
            }
        }
    }

    /// <summary>The number of <paramref name="id"/>, or -1 if it has none.</summary>
    public int Find(ReadOnlySpan<byte> id)
    {
        var hash = Hash(id);
        var mask = slots.Length - 1;
        for (var i = (int)hash & mask; slots[i] != 0; i = (i + 1) & mask)
        {
            ref var entry = ref entries[slots[i] - 1];
            if (entry.Hash == hash && arena.AsSpan(entry.Start, entry.Length).SequenceEqual(id))
            {
                return slots[i] - 1;
            }
        }

        return -1;
    }

    /// <summary>UTF-8 of an id.</summary>
    public ReadOnlySpan<byte> Utf8(int number)
    {
        var entry = entries[number];
        return arena.AsSpan(entry.Start, entry.Length);
    }

    public string Text(int number) => System.Text.Encoding.UTF8.GetString(Utf8(number));

    /// <summary>What the lane's writer knows of an id.</summary>
    public ref byte Flags(int number) => ref entries[number].Flags;

    private int Add(ReadOnlySpan<byte> id, uint hash, int slot)
    {
        if (Count == entries.Length)
        {
            Grow();
            var mask = slots.Length - 1;
            for (slot = (int)hash & mask; slots[slot] != 0; slot = (slot + 1) & mask)
            {
            }
        }

        if (arenaLength + id.Length > arena.Length)
        {
            // A new array: readers that hold the old one still see the ids they know.
            var grown = new byte[Math.Max(arena.Length * 2, arenaLength + id.Length)];
            arena.AsSpan(0, arenaLength).CopyTo(grown);
            arena = grown;
        }

        id.CopyTo(arena.AsSpan(arenaLength));
        entries[Count] = new Entry { Hash = hash, Start = arenaLength, Length = id.Length };
        arenaLength += id.Length;
        slots[slot] = ++Count;
        return Count - 1;
    }

    private void Grow()
    {
        Array.Resize(ref entries, entries.Length * 2);
        var grown = new int[slots.Length * 2];
        var mask = grown.Length - 1;
        for (var number = 0; number < Count; number++)
        {
            var i = (int)entries[number].Hash & mask;
            while (grown[i] != 0)
            {
                i = (i + 1) & mask;
            }

            grown[i] = number + 1;
        }

        slots = grown;
    }

    // Multiply-rotate over 8-byte words with a seed of this table's own, so that crafted ids can not be made to collide in advance.
    private uint Hash(ReadOnlySpan<byte> id)
    {
        var h = seed ^ ((ulong)id.Length * 0x9E3779B97F4A7C15);
        while (id.Length >= 8)
        {
            h = Mix(h, MemoryMarshal.Read<ulong>(id));
            id = id[8..];
        }

        ulong tail = 0;
        for (var i = 0; i < id.Length; i++)
        {
            tail |= (ulong)id[i] << (8 * i);
        }

        h = Mix(h, tail);
        return (uint)(h ^ (h >> 32));
    }

    private ulong Mix(ulong h, ulong word)
    {
        h = BitOperations.RotateLeft((h ^ word) * 0xD6E8FEB86659FD93, 29) * seed;
        return h ^ (h >> 31);
    }

    private struct Entry
    {
        public uint Hash;
        public int Start, Length;
        public byte Flags;
    }
}
