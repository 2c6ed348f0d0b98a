namespace Stockflow.Model;

/// <summary>Kafka's default partitioner: murmur2 with seed 0x9747b28c, sign bit cleared, modulo the partitions (org.apache.kafka.common.utils.Utils).</summary>
public static class Murmur2
{
    public static int Partition(ReadOnlySpan<byte> key, int partitions) => (int)(Hash(key) & 0x7fffffff) % partitions;

    public static uint Hash(ReadOnlySpan<byte> data)
    {
        const uint m = 0x5bd1e995;
        var h = 0x9747b28c ^ (uint)data.Length;
        var i = 0;
        for (; i + 4 <= data.Length; i += 4)
        {
            var k = BitConverter.ToUInt32(data[i..]) * m;
            h = (h * m) ^ ((k ^ (k >> 24)) * m);
        }

        var tail = data[i..];
        if (tail.Length >= 3)
        {
            h ^= (uint)tail[2] << 16;
        }

        if (tail.Length >= 2)
        {
            h ^= (uint)tail[1] << 8;
        }

        if (tail.Length >= 1)
        {
            h = (h ^ tail[0]) * m;
        }

        h = (h ^ (h >> 13)) * m;
        return h ^ (h >> 15);
    }
}
