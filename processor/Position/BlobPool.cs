using System.Collections.Concurrent;
using System.Numerics;

namespace Stockflow.Position;

/// <summary>
/// Arrays for reuse by a client that sends whole arrays: in few sizes, at most an eighth larger than asked for. Bounded by the memory that it
/// keeps. Safe for use from several threads.
/// </summary>
internal sealed class BlobPool
{
    private const int Smallest = 256;
    private const long BoundBytes = 64L * 1024 * 1024;
    private readonly ConcurrentDictionary<int, ConcurrentStack<byte[]>> free = new();
    private long kept;

    public byte[] Rent(int bytes)
    {
        var step = (int)Math.Max(Smallest, BitOperations.RoundUpToPowerOf2((uint)bytes) / 16);
        var size = (bytes + step - 1) / step * step;
        if (free.TryGetValue(size, out var sized) && sized.TryPop(out var blob))
        {
            Interlocked.Add(ref kept, -size);
            return blob;
        }

        return GC.AllocateUninitializedArray<byte>(size);
    }

    /// <summary>Gives back an array that nobody reads any more.</summary>
    public void Return(byte[] blob)
    {
        if (blob.Length > 0 && Interlocked.Add(ref kept, blob.Length) > BoundBytes)
        {
            Interlocked.Add(ref kept, -blob.Length);
            return;
        }

        free.GetOrAdd(blob.Length, static _ => new()).Push(blob);
    }
}
