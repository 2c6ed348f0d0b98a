using System.Globalization;
using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>Settings of the Kafka side.</summary>
public sealed record KafkaOptions
{
    /// <summary>Brokers as host:port, comma-separated.</summary>
    public string BootstrapServers { get; init; } = "127.0.0.1:9092";

    public string Topic { get; init; } = "inventory.movements";

    public string DeadLetterTopic { get; init; } = "inventory.dead-letters";

    public string GroupId { get; init; } = "stockflow";

    /// <summary>Set, it makes a restarted process keep its partitions without a rebalance (static membership).</summary>
    public string? InstanceId { get; init; }

    /// <summary>Any further client property of librdkafka, for example security.protocol or ssl.ca.location.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>();

    /// <summary>File of key=value client properties, for those that are secret.</summary>
    public string? PropertiesFile { get; init; }

    /// <summary>Records in one batch at most.</summary>
    public int BatchRecords { get; init; } = 2048;

    /// <summary>How long a batch waits to fill, milliseconds: what an event is fresh by at best, and what its commit to the positions is shared by.</summary>
    public int BatchLingerMilliseconds { get; init; } = 200;

    /// <summary>Memory of records between the broker and the positions, all lanes together, MiB. A lane's share is full: its partition is paused.</summary>
    public int InFlightMegabytes { get; init; } = 128;

    /// <summary>How partitions are shared out: CooperativeSticky moves as few as it can; Range and RoundRobin take all away first (eager).</summary>
    public PartitionAssignmentStrategy Assignor { get; init; } = PartitionAssignmentStrategy.CooperativeSticky;

    /// <summary>How long a lane may take to finish its work when it is revoked or the process stops, seconds.</summary>
    public int DrainSeconds { get; init; } = 20;

    public int CommitIntervalMilliseconds { get; init; } = 1000;

    public int SessionTimeoutMilliseconds { get; init; } = 10_000;

    /// <summary>Memory of empty batches that is kept for reuse, bytes.</summary>
    internal long PooledBytes => InFlightMegabytes * 1024L * 1024 * 3 / 2;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(string.IsNullOrWhiteSpace(BootstrapServers), "kafka.bootstrapServers must name at least one host:port");

        foreach (var (name, value) in new[] { ("topic", Topic), ("deadLetterTopic", DeadLetterTopic), ("groupId", GroupId) })
        {
            SetupException.ThrowIf(string.IsNullOrWhiteSpace(value), $"kafka.{name} must not be empty");
        }

        SetupException.ThrowIf(BatchRecords is < 1 or > 65536, "kafka.batchRecords must be from 1 to 65536");
        SetupException.ThrowIf(BatchLingerMilliseconds is < 0 or > 10_000, "kafka.batchLingerMilliseconds must be from 0 to 10000");
        SetupException.ThrowIf(InFlightMegabytes is < 16 or > 1_000_000, "kafka.inFlightMegabytes must be from 16 to 1000000");
        SetupException.ThrowIf(DrainSeconds is < 1 or > 90, "kafka.drainSeconds must be from 1 to 90: two minutes after it was told to stop a process ends as it is");
        SetupException.ThrowIf(CommitIntervalMilliseconds is < 10 or > 600_000, "kafka.commitIntervalMilliseconds must be from 10 to 600000");
        SetupException.ThrowIf(PropertiesFile is not null && !File.Exists(PropertiesFile), $"kafka.propertiesFile: there is no file {PropertiesFile}");
    }

    /// <summary>Client properties that every consumer and producer of the process shares.</summary>
    /// <exception cref="FormatException">A line of <see cref="PropertiesFile"/> is not key=value.</exception>
    public Dictionary<string, string> ClientProperties()
    {
        var properties = new Dictionary<string, string>(Properties);
        var lines = PropertiesFile is { } file ? File.ReadAllLines(file) : [];
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var at = line.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw new FormatException($"{PropertiesFile} line {i + 1}: expected key=value.");
            }

            properties[line[..at].Trim()] = line[(at + 1)..].Trim();
        }

        properties["bootstrap.servers"] = BootstrapServers;
        return properties;
    }

    /// <summary>Client properties of a consumer that reads many partitions by turns.</summary>
    public Dictionary<string, string> ConsumerProperties()
    {
        // One fetch at a time goes to a broker. With the client's defaults of 500 and 1000 ms a partition that is resumed waits
        // behind a fetch of others that have nothing new.
        var properties = ClientProperties();
        properties.TryAdd("fetch.wait.max.ms", "20");
        properties.TryAdd("fetch.queue.backoff.ms", "20");
        properties.TryAdd("session.timeout.ms", SessionTimeoutMilliseconds.ToString(CultureInfo.InvariantCulture));
        return properties;
    }
}
