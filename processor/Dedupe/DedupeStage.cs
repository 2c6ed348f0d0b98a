using Stockflow.Model;

namespace Stockflow.Dedupe;

/// <summary>
/// Gives each valid record its verdict: the first offset of an event_id within the horizon wins.
/// <para>A record below <see cref="JudgedOffset"/> has its verdict already: it was accepted if its fingerprint is stored with its own
/// offset, else it was a duplicate or a dead letter. That holds because fingerprints of records that may be read again never expire.</para>
/// </summary>
public sealed class DedupeStage(DedupeOptions options, LaneStatus status, TimeProvider time)
{
    /// <summary>How many records before its own a fingerprint is fetched.</summary>
    private const int Ahead = 8;

    private readonly SeenTable seen = new();

    // The lane's dedupe block fills the buckets while its position block expires them.
    private readonly Lock gate = new();
    private readonly SortedDictionary<long, long> buckets = [];
    private long horizonOffset;

    /// <summary>Offset after the last record that got a verdict; at first the store's next offset.</summary>
    public long JudgedOffset { get; set; }

    /// <summary>Loads what the store remembers; called once, before the first batch.</summary>
    public void Load(long bucket, ReadOnlySpan<SeenEntry> entries)
    {
        var last = -1L;
        foreach (var entry in entries)
        {
            seen.FirstOffset(entry.Fingerprint, entry.Offset);
            last = Math.Max(last, entry.Offset);
        }

        Note(bucket, last);
    }

    /// <summary>Sets the verdict of every pending record.</summary>
    public void Apply(RecordBatch batch)
    {
        lock (gate)
        {
            seen.ExpireBelow(horizonOffset);
        }

        batch.JudgedOffset = JudgedOffset;
        for (var i = 0; i < batch.Count; i++)
        {
            if (i + Ahead < batch.Count)
            {
                seen.Prefetch(batch.Movements[i + Ahead].Fingerprint);
            }

            var offset = batch.Records[i].Offset;
            var fingerprint = batch.Movements[i].Fingerprint;
            if (offset < JudgedOffset)
            {
                Recall(batch, i, fingerprint, offset);
            }
            else if (batch.Verdicts[i] == Verdict.Pending)
            {
                batch.Verdicts[i] = seen.FirstOffset(fingerprint, offset) == offset ? Verdict.Accepted : Verdict.Duplicate;
            }
        }

        JudgedOffset = Math.Max(JudgedOffset, batch.NextOffset);
        status.Fingerprints = seen.Count;
    }

    private void Note(long bucket, long lastOffset)
    {
        if (lastOffset < 0)
        {
            return;
        }

        lock (gate)
        {
            buckets[bucket] = Math.Max(buckets.GetValueOrDefault(bucket, -1), lastOffset);
        }
    }

    // What is unknown or in the future today may not have been so the first time: the stored fingerprint decides, not the rules.
    private void Recall(RecordBatch batch, int i, UInt128 fingerprint, long offset)
    {
        if (fingerprint != UInt128.Zero && seen.Lookup(fingerprint) == offset)
        {
            batch.Verdicts[i] = Verdict.Accepted;
        }
        else if (batch.Verdicts[i] == Verdict.Pending)
        {
            batch.Verdicts[i] = Verdict.Duplicate;
        }
    }

    /// <summary>
    /// Time bucket for fingerprints that are stored now, in units of <see cref="DedupeOptions.BucketSeconds"/> since 1970; may be called
    /// while a batch is judged.
    /// </summary>
    public long Store(List<SeenEntry> entries)
    {
        var bucket = time.GetUtcNow().ToUnixTimeSeconds() / options.BucketSeconds;
        Note(bucket, entries.Count == 0 ? -1 : entries[^1].Offset);
        return bucket;
    }

    /// <summary>
    /// Drops buckets that left the horizon, and lists them for the store; may be called while a batch is judged. A bucket with an offset
    /// that is not yet durable in the history stays: its records may be read again.
    /// </summary>
    public void Expire(List<long> expired)
    {
        var oldest = time.GetUtcNow().ToUnixTimeSeconds() / options.BucketSeconds
            - (long)Math.Ceiling(options.HorizonHours * 3600 / options.BucketSeconds);
        lock (gate)
        {
            while (buckets.Count > 0)
            {
                var (bucket, lastOffset) = buckets.First();
                if (bucket >= oldest || lastOffset >= status.DurableOffset)
                {
                    return;
                }

                buckets.Remove(bucket);
                horizonOffset = Math.Max(horizonOffset, lastOffset + 1);
                expired.Add(bucket);
            }
        }
    }
}
