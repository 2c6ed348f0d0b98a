using System.Buffers.Binary;

namespace Stockflow.Chaos.Load;

/// <summary>The partition that Kafka's Java client gives a key (murmur2 by Austin Appleby, seed 0x9747b28c, sign bit cleared).</summary>
internal static class Murmur2
{
    public static int Partition(byte[] key, int partitions)
    {
        const uint Multiplier = 0x5bd1e995;
        var hash = 0x9747b28cu ^ (uint)key.Length;
        var whole = key.Length / 4;
        for (var word = 0; word < whole; word++)
        {
            var k = BinaryPrimitives.ReadUInt32LittleEndian(key.AsSpan(word * 4)) * Multiplier;
            k ^= k >> 24;
            hash = (hash * Multiplier) ^ (k * Multiplier);
        }

        var rest = key.Length - (whole * 4);
        for (var i = rest - 1; i >= 0; i--)
        {
            hash ^= (uint)key[(whole * 4) + i] << (8 * i);
        }

        hash = rest > 0 ? hash * Multiplier : hash;
        hash ^= hash >> 13;
        hash *= Multiplier;
        hash ^= hash >> 15;
        return (int)((hash & 0x7fffffff) % (uint)partitions);
    }
}
