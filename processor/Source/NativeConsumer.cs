using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Stockflow.Source;

/// <summary>
/// Takes many records at once from a consumer's queue (<c>rd_kafka_consume_batch_queue</c> of librdkafka's <c>rdkafka.h</c>), without an object
/// a record. Confluent.Kafka has no such call: its <c>Consume()</c> allocates 500 bytes a record and takes twice the time. The consumer's
/// handlers are called from here as they are from <c>Consume()</c>. For one thread.
/// </summary>
internal sealed unsafe partial class NativeConsumer : IDisposable
{
    private const string Library = NativeLibraries.Kafka;
    private readonly nint[] messages;
    private readonly nint queue;

    public NativeConsumer(Handle handle, int records)
    {
        messages = new nint[records];
        queue = rd_kafka_queue_get_consumer(NativeHandle(handle).DangerousGetHandle());
    }

    /// <summary>Takes one record, or what stands in for one; its memory is the client's and goes with the return.</summary>
    public delegate void Taker(in NativeMessage message);

    /// <summary>Hands on what is there. Returns the number of records and of what stands in for one.</summary>
    public int Take(Taker take)
    {
        int count;
        fixed (nint* first = messages)
        {
            count = (int)rd_kafka_consume_batch_queue(queue, 0, first, (nuint)messages.Length);
        }

        try
        {
            for (var i = 0; i < count; i++)
            {
                take(in *(NativeMessage*)messages[i]);
            }
        }
        finally
        {
            for (var i = 0; i < count; i++)
            {
                rd_kafka_message_destroy(messages[i]);
            }
        }

        return Math.Max(0, count);
    }

    /// <summary>Gives the queue back; to be done before the consumer is closed.</summary>
    public void Dispose() => rd_kafka_queue_destroy(queue);

    internal static KeyValuePair<string, byte[]?>[]? Headers(in NativeMessage message)
    {
        if (rd_kafka_message_headers(in message, out var headers) != 0)
        {
            return null;
        }

        var list = new KeyValuePair<string, byte[]?>[rd_kafka_header_cnt(headers)];
        for (nuint i = 0; i < (nuint)list.Length; i++)
        {
            _ = rd_kafka_header_get_all(headers, i, out var name, out var value, out var length);
            list[i] = new(Marshal.PtrToStringUTF8(name) ?? "", value == 0 ? null : new ReadOnlySpan<byte>((void*)value, (int)length).ToArray());
        }

        return list;
    }

    private static SafeHandle NativeHandle(Handle handle) => (SafeHandle)LibrdkafkaHandle(handle);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_LibrdkafkaHandle")]
    [return: UnsafeAccessorType("Confluent.Kafka.Impl.SafeKafkaHandle, Confluent.Kafka")]
    private static extern object LibrdkafkaHandle(Handle handle);

    [LibraryImport(Library)]
    private static partial nint rd_kafka_queue_get_consumer(nint client);

    [LibraryImport(Library)]
    private static partial void rd_kafka_queue_destroy(nint queue);

    [LibraryImport(Library)]
    private static partial nint rd_kafka_consume_batch_queue(nint queue, int timeoutMilliseconds, nint* messages, nuint count);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    private static partial void rd_kafka_message_destroy(nint message);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial long rd_kafka_message_timestamp(in NativeMessage message, out int type);

    [LibraryImport(Library)]
    internal static partial nint rd_kafka_message_errstr(in NativeMessage message);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    private static partial int rd_kafka_message_headers(in NativeMessage message, out nint headers);

    [LibraryImport(Library)]
    private static partial nuint rd_kafka_header_cnt(nint headers);

    [LibraryImport(Library)]
    private static partial int rd_kafka_header_get_all(nint headers, nuint index, out nint name, out nint value, out nuint length);
}

/// <summary><c>rd_kafka_message_t</c>: a record, or an error or the end of a partition in its place.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct NativeMessage
{
    private readonly int error;
    private readonly nint topic;
    private readonly int partition;
    private readonly byte* payload;
    private readonly nuint length;
    private readonly byte* key;
    private readonly nuint keyLength;
    private readonly long offset;
    private readonly nint reserved;

    public ErrorCode Error => (ErrorCode)error;

    public int Partition => partition;

    public long Offset => offset;

    public bool HasKey => key != null;

    public ReadOnlySpan<byte> Key => new(key, (int)keyLength);

    public bool HasValue => payload != null;

    public ReadOnlySpan<byte> Value => new(payload, (int)length);

    /// <summary>Milliseconds since 1970-01-01 UTC; 0 where the record has none.</summary>
    public long BrokerTs => Math.Max(0, NativeConsumer.rd_kafka_message_timestamp(in this, out _));

    public KeyValuePair<string, byte[]?>[]? Headers => NativeConsumer.Headers(in this);

    /// <summary>What an error says.</summary>
    public string Reason => Marshal.PtrToStringUTF8(NativeConsumer.rd_kafka_message_errstr(in this)) ?? Error.ToString();
}
