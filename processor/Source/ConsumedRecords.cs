using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>Records of the Kafka client into batches.</summary>
internal static class ConsumedRecords
{
    public static void Add(this RecordBatch batch, ConsumeResult<byte[], byte[]> result)
    {
        var message = result.Message;
        batch.Add(result.Offset.Value, message.Timestamp.UnixTimestampMs, message.Key, message.Key is not null,
            message.Value, message.Value is not null, Copy(message.Headers));
    }

    private static KeyValuePair<string, byte[]?>[]? Copy(Headers? headers)
    {
        if (headers is not { Count: > 0 })
        {
            return null;
        }

        var copy = new KeyValuePair<string, byte[]?>[headers.Count];
        for (var i = 0; i < copy.Length; i++)
        {
            copy[i] = new(headers[i].Key, headers[i].GetValueBytes());
        }

        return copy;
    }
}
