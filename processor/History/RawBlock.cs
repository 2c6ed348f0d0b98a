using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Every record with its bytes and its verdict, as a block for table <c>raw_events</c>.</summary>
internal sealed class RawBlock
{
    private static readonly byte[][] Reasons = [.. RejectReasons.Codes.Select(System.Text.Encoding.UTF8.GetBytes)];
    private readonly NativeBlockWriter block = new();
    private readonly RecordColumns record;
    private readonly NativeStringColumn key, value, reason, message;
    private readonly NativeNumberColumn<sbyte> verdict;
    private readonly NativeNumberColumn<ulong> eventHash;
    private readonly NativeListColumn headers;

    // Of the rows that are appended at once, by their indexes in the batch less the first one's.
    private readonly string?[] messages = new string?[RecordColumns.Stretch];

    public RawBlock()
    {
        record = new RecordColumns(block);
        key = block.String("key");
        value = block.String("value");
        headers = block.PairArray("headers");
        verdict = block.Int8("verdict");
        reason = block.String("reason");
        eventHash = block.UInt64("event_hash");
        message = block.String("message");
    }

    public NativeBlockWriter Block => block;

    /// <summary>Appends records of a batch by their rising indexes, which lie within <see cref="RecordColumns.Stretch"/>.</summary>
    public void Append(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        record.Append(batch, rows);
        AppendBytes(batch, rows);
    }

    private void AppendBytes(RecordBatch batch, ReadOnlySpan<int> rows)
    {
        var first = rows.IsEmpty ? 0 : rows[0];
        FindMessages(batch, first);
        foreach (var i in rows)
        {
            ref var each = ref batch.Records[i];
            key.Append(batch.Bytes(each.Key));
            value.Append(batch.Bytes(each.Value));
            verdict.Append((sbyte)batch.Verdicts[i]);
            reason.Append(batch.Verdicts[i] == Verdict.DeadLetter ? Reasons[(int)batch.Reasons[i]].AsSpan() : default);
            eventHash.Append((ulong)batch.Movements[i].Fingerprint);
            message.Append(batch.Verdicts[i] == Verdict.DeadLetter && messages[i - first] is { } text ? System.Text.Encoding.UTF8.GetBytes(text) : default(ReadOnlySpan<byte>));
            if (each.Headers >= 0)
            {
                foreach (var (name, bytes) in batch.Headers[each.Headers])
                {
                    headers.Append(System.Text.Encoding.UTF8.GetBytes(name), bytes);
                }
            }

            headers.EndRow();
        }
    }

    private void FindMessages(RecordBatch batch, int first)
    {
        if (batch.Rejections.Count == 0)
        {
            return;
        }

        Array.Clear(messages);
        foreach (var rejection in batch.Rejections)
        {
            if (rejection.Index >= first && rejection.Index < first + messages.Length)
            {
                messages[rejection.Index - first] = rejection.Message;
            }
        }
    }
}
