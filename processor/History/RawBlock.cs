using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Every record with its bytes and its verdict, as a block for table <c>raw_events</c>.</summary>
internal sealed class RawBlock
{
    private static readonly byte[][] Verdicts = ["pending"u8.ToArray(), "accepted"u8.ToArray(), "duplicate"u8.ToArray(), "dead_letter"u8.ToArray()];
    private static readonly byte[][] Reasons = [.. RejectReasons.Codes.Select(System.Text.Encoding.UTF8.GetBytes)];
    private readonly NativeBlockWriter block = new();
    private readonly TopicName topicName = new();
    private readonly NativeStringColumn topic, key, value, verdict, reason;
    private readonly NativeNumberColumn<int> partition;
    private readonly NativeNumberColumn<long> offset, brokerTs, recordedAt;
    private readonly NativeListColumn headers;

    public RawBlock()
    {
        topic = block.String("topic");
        partition = block.Int32("partition");
        offset = block.Int64("offset");
        brokerTs = block.DateTime64("broker_ts");
        recordedAt = block.DateTime64("recorded_at");
        key = block.String("key");
        value = block.String("value");
        headers = block.PairArray("headers");
        verdict = block.String("verdict");
        reason = block.String("reason");
    }

    public NativeBlockWriter Block => block;

    /// <summary>Appends records of a batch by their indexes.</summary>
    public void Append(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        AppendRecord(batch, rows);
        AppendBytes(batch, rows);
    }

    private void AppendRecord(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        var name = topicName.Of(batch.Lane.Topic);
        foreach (var i in rows)
        {
            ref var record = ref batch.Records[i];
            topic.Append(name);
            partition.Append(batch.Lane.Partition);
            offset.Append(record.Offset);
            brokerTs.Append(Math.Max(0, record.BrokerTs));
            recordedAt.Append(batch.RecordedTs);
            verdict.Append(Verdicts[(int)batch.Verdicts[i]]);
            reason.Append(batch.Verdicts[i] == Verdict.DeadLetter ? Reasons[(int)batch.Reasons[i]].AsSpan() : default);
        }
    }

    private void AppendBytes(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        foreach (var i in rows)
        {
            ref var record = ref batch.Records[i];
            key.Append(batch.Bytes(record.Key));
            value.Append(batch.Bytes(record.Value));
            if (record.Headers >= 0)
            {
                foreach (var (name, bytes) in batch.Headers[record.Headers])
                {
                    headers.Append(System.Text.Encoding.UTF8.GetBytes(name), bytes);
                }
            }

            headers.EndRow();
        }
    }
}
