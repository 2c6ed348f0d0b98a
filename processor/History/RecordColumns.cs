using System.Text;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>The columns that every row has of the Kafka record it comes from: where it stands there, and when it came and was recorded.</summary>
internal sealed class RecordColumns
{
    /// <summary>Rows that are written column by column at once: they stay in the processor's cache.</summary>
    public const int Stretch = 256;

    private readonly NativeDictionaryColumn topic;
    private readonly NativeNumberColumn<int> partition;
    private readonly NativeNumberColumn<long> offset, brokerTs, recordedAt;
    private string? name;
    private byte[] utf8 = [];

    public RecordColumns(NativeBlockWriter block)
    {
        topic = block.Dictionary("topic");
        partition = block.Int32("partition");
        offset = block.Int64("offset");
        brokerTs = block.DateTime64("broker_ts");
        recordedAt = block.DateTime64("recorded_at");
    }

    public void Append(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        // Encoded anew only where it is another than the batch before had.
        if (!ReferenceEquals(batch.Lane.Topic, name))
        {
            (name, utf8) = (batch.Lane.Topic, Encoding.UTF8.GetBytes(batch.Lane.Topic));
        }

        foreach (var i in rows)
        {
            ref var record = ref batch.Records[i];
            topic.Append(utf8);
            partition.Append(batch.Lane.Partition);
            offset.Append(record.Offset);
            brokerTs.Append(Math.Max(0, record.BrokerTs));
            recordedAt.Append(batch.RecordedTs);
        }
    }
}
