using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// librdkafka's mock cluster (<c>rdkafka_mock.h</c>), by P/Invoke. librdkafka calls this interface experimental: it may change with a
/// version, which is why versions are exact.
/// </summary>
internal static partial class RdKafkaMock
{
    private const string Library = NativeLibraries.Kafka;
    private const int ErrorTextBytes = 512;

    /// <summary>A bare client handle, which the mock cluster needs for its threads and its log; it connects to nothing.</summary>
    /// <exception cref="SetupException">The native library is missing or refused a setting.</exception>
    public static unsafe nint CreateHandle()
    {
        Span<byte> error = stackalloc byte[ErrorTextBytes];
        fixed (byte* text = error)
        {
            try
            {
                var settings = rd_kafka_conf_new();
                // Level 4 is warning: without it the handle complains about having no bootstrap servers.
                if (rd_kafka_conf_set(settings, "log_level", "4", text, ErrorTextBytes) != 0)
                {
                    throw new SetupException($"librdkafka refused a setting: {Text(error)}");
                }

                var handle = rd_kafka_new(Producer, settings, text, ErrorTextBytes);
                return handle != 0 ? handle : throw new SetupException($"librdkafka did not start: {Text(error)}");
            }
            catch (DllNotFoundException missing)
            {
                throw new SetupException("librdkafka was not found beside the processor, or this system lacks what it needs; run eng/setup and build again.", missing);
            }
        }
    }

    /// <summary>The text of an error code, for people.</summary>
    public static string Describe(ErrorCode code) => Marshal.PtrToStringUTF8(rd_kafka_err2str((int)code)) ?? code.ToString();

    private const int Producer = 0;

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    [LibraryImport(Library)]
    private static partial nint rd_kafka_conf_new();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int rd_kafka_conf_set(nint settings, string name, string value, byte* errorText, nuint errorBytes);

    [LibraryImport(Library)]
    private static unsafe partial nint rd_kafka_new(int type, nint settings, byte* errorText, nuint errorBytes);

    [LibraryImport(Library)]
    private static partial nint rd_kafka_err2str(int code);

    [LibraryImport(Library)]
    internal static partial void rd_kafka_destroy(nint handle);

    [LibraryImport(Library)]
    internal static partial nint rd_kafka_mock_cluster_new(nint handle, int brokers);

    [LibraryImport(Library)]
    internal static partial void rd_kafka_mock_cluster_destroy(nint cluster);

    [LibraryImport(Library)]
    internal static partial nint rd_kafka_mock_cluster_bootstraps(nint cluster);

    [LibraryImport(Library)]
    internal static partial void rd_kafka_mock_group_initial_rebalance_delay_ms(nint cluster, int milliseconds);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rd_kafka_mock_topic_create(nint cluster, string topic, int partitions, int replicationFactor);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rd_kafka_mock_partition_set_leader(nint cluster, string topic, int partition, int broker);

    [LibraryImport(Library)]
    internal static partial int rd_kafka_mock_broker_set_down(nint cluster, int broker);

    [LibraryImport(Library)]
    internal static partial int rd_kafka_mock_broker_set_up(nint cluster, int broker);

    [LibraryImport(Library)]
    internal static partial int rd_kafka_mock_broker_set_rtt(nint cluster, int broker, int milliseconds);

    [LibraryImport(Library)]
    internal static unsafe partial void rd_kafka_mock_push_request_errors_array(nint cluster, short api, nuint count, int* errors);

    [LibraryImport(Library)]
    internal static partial void rd_kafka_mock_clear_request_errors(nint cluster, short api);
}
