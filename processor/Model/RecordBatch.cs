using System.Runtime.CompilerServices;

namespace Stockflow.Model;

/// <summary>Where a record stands in Kafka and where its bytes lie in the arena.</summary>
public struct RecordRef
{
    public long Offset;

    /// <summary>Broker or producer timestamp, milliseconds since 1970-01-01 UTC.</summary>
    public long BrokerTs;

    public Slice Key, Value;

    /// <summary>Index in <see cref="RecordBatch.Headers"/>, or -1 where the record has none.</summary>
    public int Headers;
}

/// <summary>A dead letter's stage, reason and text for people.</summary>
public readonly record struct Rejection(int Index, string Stage, RejectReason Reason, string Message, int SchemaId);

/// <summary>A record that its producer's trace follows through the lane.</summary>
/// <param name="Index">Its place in the batch.</param>
/// <param name="Span">The span of its processing, a child of the producer's; open until the record is durable in the history.</param>
public readonly record struct FollowedEvent(int Index, System.Diagnostics.Activity Span);

/// <summary>
/// A run of consecutive records of one lane, with all that the stages add to them. It travels from block to block
/// and is owned by the block that holds it; the last one returns it to its pool.
/// Arrays are parallel: index i of each speaks of the same record.
/// </summary>
public sealed class RecordBatch
{
    /// <summary>A full batch takes megabytes and most are far from full, so the arrays grow with what is added.</summary>
    private const int FirstRecords = 128;

    /// <summary>Large values fill a batch before many records do.</summary>
    private const int MaximumArenaBytes = 4 * 1024 * 1024;

    public RecordBatch(int capacity, int arenaBytes)
    {
        Capacity = capacity;
        var first = Math.Min(capacity, FirstRecords);
        Records = new RecordRef[first];
        Movements = new Movement[first];
        Verdicts = new Verdict[first];
        Reasons = new RejectReason[first];
        Arena = new byte[capacity == 0 ? 0 : (int)((long)arenaBytes * first / capacity)];
    }

    public RecordRef[] Records { get; private set; }

    public Movement[] Movements { get; private set; }

    public Verdict[] Verdicts { get; private set; }

    /// <summary>Why a record was rejected; of meaning where its verdict is <see cref="Verdict.DeadLetter"/>.</summary>
    public RejectReason[] Reasons { get; private set; }

    public byte[] Arena { get; private set; }

    public int ArenaLength { get; private set; }

    public int Count { get; private set; }

    public List<KeyValuePair<string, byte[]?>[]> Headers { get; } = [];

    public List<Rejection> Rejections { get; } = [];

    /// <summary>Records that a trace follows; few or none.</summary>
    public List<FollowedEvent> Followed { get; } = [];

    /// <summary>The lane that read the batch. A completion of a lane that was closed since touches only that lane's own object.</summary>
    public LaneStatus Lane { get; set; } = null!;

    /// <summary>The table that the movements' numbers belong to.</summary>
    public IdTable Ids { get; set; } = null!;

    /// <summary>Where the batch's stretch of the log begins: the end of the batch before it, which is less than the first offset where the log has holes.</summary>
    public long FromOffset { get; set; }

    /// <summary>Offset after the last record.</summary>
    public long NextOffset { get; set; }

    /// <summary>Records below this offset got their verdict before, and are read once more for the history.</summary>
    public long JudgedOffset { get; set; }

    /// <summary>On an empty batch: that the lane keeps up with its partition.</summary>
    public CaughtUp? CaughtUp { get; set; }

    /// <summary>Wall clock at the position commit, milliseconds since 1970-01-01 UTC; the ledger's recorded time.</summary>
    public long RecordedTs { get; set; }

    /// <summary>Records that it can hold.</summary>
    public int Capacity { get; }

    public bool IsFull => Count == Capacity || ArenaLength >= MaximumArenaBytes;

    /// <summary>Memory that its records take, bytes.</summary>
    public long MemoryBytes => ArenaLength + ((long)Count * (Unsafe.SizeOf<RecordRef>() + Unsafe.SizeOf<Movement>()));

    /// <summary>Memory that its arrays hold, used or not, bytes.</summary>
    public long HeldBytes => Arena.Length + ((long)Records.Length * (Unsafe.SizeOf<RecordRef>() + Unsafe.SizeOf<Movement>() + sizeof(Verdict) + sizeof(RejectReason)));

    public ReadOnlySpan<byte> Bytes(Slice slice) =>
        slice.IsPresent ? Arena.AsSpan(slice.Start, slice.Length) : default;

    public void Add(long offset, long brokerTs, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue,
        KeyValuePair<string, byte[]?>[]? headers)
    {
        if (Count == Records.Length)
        {
            Grow();
        }

        ref var record = ref Records[Count];
        record.Offset = offset;
        record.BrokerTs = brokerTs;
        record.Key = hasKey ? Append(key) : Slice.None;
        record.Value = hasValue ? Append(value) : Slice.None;
        record.Headers = -1;
        if (headers is { Length: > 0 })
        {
            record.Headers = Headers.Count;
            Headers.Add(headers);
        }

        Verdicts[Count] = Verdict.Pending;
        Count++;
        NextOffset = offset + 1;
    }

    public void Reject(int index, string stage, RejectReason reason, string message, int schemaId = -1)
    {
        Verdicts[index] = Verdict.DeadLetter;
        Reasons[index] = reason;
        Rejections.Add(new Rejection(index, stage, reason, message, schemaId));
    }

    public void Clear()
    {
        Count = 0;
        ArenaLength = 0;
        Headers.Clear();
        Rejections.Clear();
        Followed.Clear();
        FromOffset = 0;
        NextOffset = 0;
        JudgedOffset = 0;
        CaughtUp = null;
        Ids = null!;
        Lane = null!;
    }

    private void Grow()
    {
        var length = Math.Min(Capacity, Records.Length * 2);
        Records = Copy(Records);
        Movements = Copy(Movements);
        Verdicts = Copy(Verdicts);
        Reasons = Copy(Reasons);

        T[] Copy<T>(T[] array)
        {
            Array.Resize(ref array, length);
            return array;
        }
    }

    private Slice Append(ReadOnlySpan<byte> bytes)
    {
        var end = ArenaLength + bytes.Length;
        if (end > Arena.Length)
        {
            var grown = new byte[Math.Max(end, Arena.Length * 2)];
            Arena.AsSpan(0, ArenaLength).CopyTo(grown);
            Arena = grown;
        }

        bytes.CopyTo(Arena.AsSpan(ArenaLength));
        var slice = new Slice(ArenaLength, bytes.Length);
        ArenaLength = end;
        return slice;
    }
}
