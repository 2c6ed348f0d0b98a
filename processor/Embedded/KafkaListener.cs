using System.Runtime.InteropServices;
using Confluent.Kafka;
using Stockflow.Model;
using static Stockflow.Embedded.RdKafkaMock;

namespace Stockflow.Embedded;

/// <summary>
/// A Kafka listener on 127.0.0.1 for one machine: librdkafka's mock cluster. Any Kafka client can produce, consume,
/// join classic groups and commit offsets; faults can be injected.
/// </summary>
/// <remarks>
/// <para>Guaranteed while the process lives: order per partition, offsets without holes, committed offsets, headers,
/// timestamps and batches byte for byte as sent, compressed or not.</para>
/// <para>Not guaranteed, so this is no store:</para>
/// <list type="bullet">
/// <item>Nothing survives the process.</item>
/// <item>A partition keeps at most 5 MiB (5,242,880 bytes of record batches as sent, so compressed ones count compressed) and
/// at most 100,000 batches. An append that exceeds either drops the oldest whole batches, silently, until both hold or
/// only the new batch is left (<c>rd_kafka_mock_msgset_new</c> and <c>rd_kafka_mock_partition_init</c> in librdkafka's
/// <c>rdkafka_mock.c</c>). Nothing is dropped by age or read position, and compacted topics are not compacted. See
/// <see cref="FindDroppedRecords"/>; a consumer with <c>auto.offset.reset=error</c> is told when its position is gone.</item>
/// <item>An idempotent producer without a transactional id is accepted, but its retries are not deduplicated.</item>
/// <item>A rebalance of a group that has members takes the session timeout less 1 s (the whole of it when it is 1 s or
/// less), where Kafka ends it when the last member has joined again; a member that was killed costs about another one. Use a short
/// <c>session.timeout.ms</c>, such as 2,000. All members of a group must prefer the same assignor: the listener takes the
/// first one's choice, and other members fail.</item>
/// <item>There are no admin requests (CreateTopics and the like), no TLS, no SASL and no quotas. Old (magic 0 and 1)
/// compressed message sets are refused.</item>
/// </list>
/// <para>A broker's port is chosen by the system. <see cref="KafkaListenerOptions.BootstrapPort"/> adds a fixed one.</para>
/// </remarks>
public sealed class KafkaListener : IDisposable
{
    /// <summary>Bytes of record batches that a partition keeps, except that the newest batch always stays.</summary>
    public const int PartitionBytes = 5 * 1024 * 1024;

    /// <summary>Record batches that a partition keeps.</summary>
    public const int PartitionBatches = 100_000;

    /// <summary>The broker id that stands for all brokers.</summary>
    public const int AllBrokers = -1;

    private readonly Lock gate = new();
    private readonly int brokers;
    private readonly KafkaBootstrapRelay? relay;
    private nint handle;
    private nint cluster;

    /// <summary>Starts listening; topics exist before the first client can know the address.</summary>
    /// <exception cref="SetupException">An option is wrong, the native library is missing, or no port could be had.</exception>
    public KafkaListener(KafkaListenerOptions options)
    {
        options.Validate();
        brokers = options.Brokers;
        handle = CreateHandle();
        try
        {
            cluster = rd_kafka_mock_cluster_new(handle, brokers);
            if (cluster == 0)
            {
                throw new SetupException("the Kafka listener could not open a port on 127.0.0.1.");
            }

            rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, (int)options.InitialRebalanceDelay.TotalMilliseconds);
            foreach (var topic in options.Topics)
            {
                CreateTopic(topic);
            }

            Brokers = Marshal.PtrToStringUTF8(rd_kafka_mock_cluster_bootstraps(cluster))!;
            relay = options.BootstrapPort == 0 ? null : new KafkaBootstrapRelay(options.BootstrapPort, Brokers);
            Bootstrap = relay?.Address ?? Brokers;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What a client's <c>bootstrap.servers</c> takes: <c>host:port</c>, comma-separated.</summary>
    public string Bootstrap { get; } = "";

    /// <summary>The brokers' own addresses, comma-separated, in the order of their ids.</summary>
    public string Brokers { get; } = "";

    /// <summary>Creates a topic, replicated to every broker.</summary>
    /// <exception cref="SetupException">The topic exists.</exception>
    public void CreateTopic(KafkaTopic topic) =>
        Call($"create topic {topic.Name}", cluster => rd_kafka_mock_topic_create(cluster, topic.Name, topic.Partitions, brokers));

    /// <summary>Disconnects a broker's clients and accepts no new ones. Leaders stay where they are.</summary>
    public void SetBrokerDown(int broker = AllBrokers) =>
        Call($"take broker {broker} down", cluster => rd_kafka_mock_broker_set_down(cluster, broker));

    /// <summary>Lets a broker accept connections again, on the port that it had.</summary>
    public void SetBrokerUp(int broker = AllBrokers) =>
        Call($"bring broker {broker} up", cluster => rd_kafka_mock_broker_set_up(cluster, broker));

    /// <summary>Delays every answer of a broker.</summary>
    public void SetRoundTripTime(TimeSpan delay, int broker = AllBrokers) =>
        Call($"delay broker {broker}", cluster => rd_kafka_mock_broker_set_rtt(cluster, broker, (int)delay.TotalMilliseconds));

    /// <summary>Moves a partition's leadership, or leaves the partition without a leader (broker -1).</summary>
    public void SetPartitionLeader(string topic, int partition, int broker) =>
        Call($"set the leader of {topic} [{partition}]", cluster => rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker));

    /// <summary>
    /// Answers the next requests of one type with these errors, one each, in this order.
    /// <see cref="ErrorCode.Local_Transport"/> cuts the connection instead; <see cref="ErrorCode.NoError"/> lets one request pass.
    /// </summary>
    public unsafe void PushRequestErrors(KafkaApi api, params ReadOnlySpan<ErrorCode> errors)
    {
        Span<int> codes = stackalloc int[errors.Length];
        for (var i = 0; i < errors.Length; i++)
        {
            codes[i] = (int)errors[i];
        }

        lock (gate)
        {
            ObjectDisposedException.ThrowIf(cluster == 0, this);
            fixed (int* first = codes)
            {
                rd_kafka_mock_push_request_errors_array(cluster, (short)api, (nuint)codes.Length, first);
            }
        }
    }

    /// <summary>Forgets the errors that were pushed for one type of request.</summary>
    public void ClearRequestErrors(KafkaApi api)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(cluster == 0, this);
            rd_kafka_mock_clear_request_errors(cluster, (short)api);
        }
    }

    /// <summary>
    /// The partitions of a topic that have lost records, with the number lost: those whose earliest offset is above 0.
    /// Works from any process, over the protocol.
    /// </summary>
    /// <exception cref="KafkaException">The listener did not answer within the timeout.</exception>
    public static IReadOnlyList<TopicPartitionOffset> FindDroppedRecords(string bootstrap, KafkaTopic topic, TimeSpan timeout)
    {
        var settings = new ConsumerConfig { BootstrapServers = bootstrap, GroupId = "stockflow-loss-check", EnableAutoCommit = false };
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(settings).Build();
        var dropped = new List<TopicPartitionOffset>();
        for (var partition = 0; partition < topic.Partitions; partition++)
        {
            var where = new TopicPartition(topic.Name, partition);
            var earliest = consumer.QueryWatermarkOffsets(where, timeout).Low;
            if (earliest > 0)
            {
                dropped.Add(new TopicPartitionOffset(where, earliest));
            }
        }

        return dropped;
    }

    /// <summary>Closes every connection and frees the records.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            relay?.Dispose();
            if (cluster != 0)
            {
                rd_kafka_mock_cluster_destroy(cluster);
                cluster = 0;
            }

            if (handle != 0)
            {
                rd_kafka_destroy(handle);
                handle = 0;
            }
        }
    }

    private void Call(string what, Func<nint, int> call)
    {
        ErrorCode code;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(cluster == 0, this);
            code = (ErrorCode)call(cluster);
        }

        if (code != ErrorCode.NoError)
        {
            throw new SetupException($"the Kafka listener could not {what}: {Describe(code)}.");
        }
    }
}
