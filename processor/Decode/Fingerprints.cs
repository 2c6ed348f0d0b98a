using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>Gives the movements of a batch their fingerprints, some at a time where their ids have one length, as most have.</summary>
internal ref struct Fingerprints(RecordBatch batch)
{
    private readonly Movement[] movements = batch.Movements;
    private readonly byte[] arena = batch.Arena;
    private Places waiting;
    private int count, length;

    /// <summary>Takes a movement; it has its fingerprint after <see cref="Flush"/> at the latest.</summary>
    public void Add(int index)
    {
        var size = movements[index].EventId.Length;
        if (size < 8 || !SipHash128.HasLanes)
        {
            movements[index].Fingerprint = SipHash128.Hash(batch.Bytes(movements[index].EventId));
            return;
        }

        if (size != length)
        {
            Flush();
            length = size;
        }

        waiting[count++] = index;
        if (count == SipHash128.Lanes)
        {
            HashAll();
            count = 0;
        }
    }

    /// <summary>Gives those that still wait for others their fingerprints.</summary>
    public void Flush()
    {
        for (; count > 0; count--)
        {
            ref var movement = ref movements[waiting[count - 1]];
            movement.Fingerprint = SipHash128.Hash(batch.Bytes(movement.EventId));
        }
    }

    private readonly void HashAll()
    {
        Span<int> starts = stackalloc int[SipHash128.Lanes];
        Span<UInt128> hashes = stackalloc UInt128[SipHash128.Lanes];
        for (var i = 0; i < SipHash128.Lanes; i++)
        {
            starts[i] = movements[waiting[i]].EventId.Start;
        }

        SipHash128.HashFour(arena, starts, length, hashes);
        for (var i = 0; i < SipHash128.Lanes; i++)
        {
            movements[waiting[i]].Fingerprint = hashes[i];
        }
    }

    [InlineArray(SipHash128.Lanes)]
    private struct Places
    {
        private int first;
    }
}
