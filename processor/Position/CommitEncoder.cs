using System.Buffers.Binary;
using System.Runtime.InteropServices;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// A <see cref="LaneCommit"/> as the arguments of <see cref="CommitScript.Commit"/>. Fingerprints and positions go as one argument, in a
/// buffer that is used again: an argument for each would cost both ends more than the work itself. One for each lane; not thread-safe.
/// </summary>
internal sealed class CommitEncoder(BlobPool pool)
{
    /// <summary>Lua's unpack is bounded by its stack of 8,000; a larger hash goes in parts.</summary>
    private const int PositionsPerCall = 250;

    private readonly List<RedisValue> arguments = [];
    private long[] order = [];

    /// <summary>What <see cref="Encode"/> gave last; to be returned to the pool once the call has ended.</summary>
    public byte[] Blob { get; private set; } = [];

    public RedisValue[] Encode(LaneCommit commit)
    {
        var seen = SeenCodec.PackedSize(commit.Seen.Count);
        Sort(commit);
        Blob = pool.Rent(seen + PositionBound(commit));
        SeenCodec.Pack(commit.Seen, Blob);
        var length = WritePositions(commit, seen);

        arguments.Clear();
        arguments.Add(commit.Epoch);
        arguments.Add(commit.ExpectedOffset < 0 ? "" : commit.ExpectedOffset);
        arguments.Add(commit.NextOffset);
        arguments.Add(commit.Revision);
        arguments.Add(commit.Bucket);
        arguments.Add(Blob);
        arguments.Add(seen);
        arguments.Add(length);
        AddMarks(commit);
        arguments.Add(commit.ExpiredBuckets.Count);
        foreach (var bucket in commit.ExpiredBuckets)
        {
            arguments.Add(bucket);
        }

        AddChanges(commit.Settlements, c => (commit.Ids.Text(c.Sku) + "\0" + (c.Location < 0 ? "" : commit.Ids.Text(c.Location)), c.Opens));
        AddChanges(commit.Holds, c => (commit.Ids.Text(c.Sku), c.Opens));
        arguments.Add(commit.CommandEvents.Count);
        arguments.AddRange(commit.CommandEvents.Select(id => (RedisValue)id));
        return [.. arguments];
    }

    private void AddMarks(LaneCommit commit)
    {
        arguments.Add((commit.Watermarks.Count * 2) + (commit.Marks == default ? 0 : 4));
        foreach (var (source, ts) in commit.Watermarks)
        {
            arguments.Add("wm:" + source);
            arguments.Add(ts);
        }

        if (commit.Marks != default)
        {
            arguments.Add("watermark");
            arguments.Add(commit.Marks.WatermarkTs);
            arguments.Add("close");
            arguments.Add(commit.Marks.CloseTs);
        }
    }

    // Members that leave a set and members that enter it.
    private void AddChanges<T>(List<T> changes, Func<T, (string Member, bool Opens)> tell)
    {
        if (changes.Count == 0)
        {
            arguments.Add(0);
            arguments.Add(0);
            return;
        }

        var last = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var change in changes)
        {
            var (member, opens) = tell(change);
            last[member] = opens;
        }

        foreach (var opens in (ReadOnlySpan<bool>)[false, true])
        {
            var members = last.Where(change => change.Value == opens).Select(change => (RedisValue)change.Key).ToArray();
            arguments.Add(members.Length);
            arguments.AddRange(members);
        }
    }

    // By SKU, so that each hash is written with one call.
    private void Sort(LaneCommit commit)
    {
        if (order.Length < commit.Positions.Count)
        {
            order = new long[Math.Max(commit.Positions.Count, order.Length * 2)];
        }

        for (var i = 0; i < commit.Positions.Count; i++)
        {
            order[i] = ((long)commit.Positions[i].Sku << 32) | (uint)i;
        }

        Array.Sort(order, 0, commit.Positions.Count);
    }

    private static int PositionBound(LaneCommit commit)
    {
        var bound = 0;
        foreach (ref readonly var position in CollectionsMarshal.AsSpan(commit.Positions))
        {
            bound += 4 + commit.Ids.Utf8(position.Sku).Length + commit.Ids.Utf8(position.Location).Length + PositionCodec.Size;
        }

        return bound;
    }

    // A SKU: its id with a byte of length, a count in 2 bytes, and as often a location with a byte of length and a value.
    private int WritePositions(LaneCommit commit, int at)
    {
        var positions = CollectionsMarshal.AsSpan(commit.Positions);
        for (var i = 0; i < positions.Length;)
        {
            var sku = (int)(order[i] >> 32);
            at = WriteId(commit.Ids.Utf8(sku), at);
            var count = Blob.AsSpan(at, 2);
            var first = i;
            at += 2;
            for (; i < positions.Length && (int)(order[i] >> 32) == sku && i - first < PositionsPerCall; i++)
            {
                ref readonly var position = ref positions[(int)order[i]];
                at = WriteId(commit.Ids.Utf8(position.Location), at);
                PositionCodec.Write(position.State, Blob.AsSpan(at, PositionCodec.Size));
                at += PositionCodec.Size;
            }

            BinaryPrimitives.WriteUInt16LittleEndian(count, (ushort)(i - first));
        }

        return at;
    }

    private int WriteId(ReadOnlySpan<byte> id, int at)
    {
        Blob[at] = checked((byte)id.Length);
        id.CopyTo(Blob.AsSpan(at + 1));
        return at + 1 + id.Length;
    }
}
