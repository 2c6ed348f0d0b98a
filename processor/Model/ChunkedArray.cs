using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stockflow.Model;

/// <summary>
/// An array that grows in place: by chunks of <see cref="ChunkLength"/>, so that nothing is copied, nothing is left to the collector, and it
/// never stands in memory twice.
/// </summary>
/// <typeparam name="T">The element; its size decides a chunk's.</typeparam>
internal sealed class ChunkedArray<T>
    where T : struct
{
    public const int ChunkLength = 1 << Bits;
    private const int Bits = 10;
    private T[][] chunks = [];

    /// <summary>A multiple of <see cref="ChunkLength"/>.</summary>
    public int Length { get; private set; }

    /// <summary>Memory of the elements, bytes.</summary>
    public long Bytes => (long)Length * Unsafe.SizeOf<T>();

    /// <summary>An element; the reference holds for good.</summary>
    public ref T this[int index]
    {
        // Without a look at the chunk's own length, which is one more line to wait for; all chunks have the same.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunks[index >> Bits]), index & (ChunkLength - 1));
    }

    /// <summary>The elements from one on to its chunk's end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<T> ChunkFrom(int index) => MemoryMarshal.CreateSpan(ref this[index], ChunkLength - (index & (ChunkLength - 1)));

    /// <summary>Adds elements, all zero, until there are <paramref name="length"/> or a part of a chunk more.</summary>
    public void Grow(int length)
    {
        var count = chunks.Length;
        Array.Resize(ref chunks, (int)(((long)length + ChunkLength - 1) >> Bits));
        for (; count < chunks.Length; count++)
        {
            chunks[count] = new T[ChunkLength];
        }

        Length = chunks.Length * ChunkLength;
    }
}
