using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Source;

namespace Stockflow.Commands;

/// <summary>Where a partition stands.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Committed">Offset that the group has committed: every record below it is in the ledger. -1 for none.</param>
/// <param name="First">First offset that the log still has.</param>
/// <param name="End">Offset after the log's last record.</param>
internal readonly record struct PartitionOffsets(int Partition, long Committed, long First, long End);

/// <summary>Reads a group's offsets without joining the group.</summary>
internal sealed class GroupOffsets : IDisposable
{
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(15);
    private readonly KafkaOptions options;
    private readonly IConsumer<Ignore, Ignore> consumer;

    public GroupOffsets(KafkaOptions options)
    {
        this.options = options;
        var config = new ConsumerConfig(options.ConsumerProperties()) { GroupId = options.GroupId, EnableAutoCommit = false, AllowAutoCreateTopics = false };
        consumer = new ConsumerBuilder<Ignore, Ignore>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>Number of partitions of the movements' topic.</summary>
    /// <exception cref="SetupException">There is no such topic.</exception>
    /// <exception cref="StoreUnavailableException">No broker answers.</exception>
    public Task<int> CountPartitionsAsync() => AskAsync(() =>
    {
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        var topic = admin.GetMetadata(options.Topic, ServerTimeout).Topics.FirstOrDefault(t => t.Topic == options.Topic);
        return topic is { Error.IsError: false, Partitions.Count: > 0 }
            ? topic.Partitions.Count
            : throw new SetupException($"The broker at {options.BootstrapServers} has no topic {options.Topic}.");
    });

    /// <exception cref="StoreUnavailableException">No broker answers.</exception>
    public Task<PartitionOffsets> ReadAsync(int partition) => AskAsync(() =>
    {
        var place = new TopicPartition(options.Topic, partition);
        var committed = consumer.Committed([place], ServerTimeout)[0].Offset;
        var log = consumer.QueryWatermarkOffsets(place, ServerTimeout);
        return new PartitionOffsets(partition, committed.IsSpecial ? -1 : committed.Value, log.Low.Value, log.High.Value);
    });

    /// <summary>By partition the offset that the group has committed; partitions without one are left out.</summary>
    /// <exception cref="StoreUnavailableException">No broker answers.</exception>
    public Task<Dictionary<int, long>> ReadCommittedAsync(IReadOnlyCollection<int> partitions) => AskAsync(() =>
        consumer.Committed(partitions.Select(partition => new TopicPartition(options.Topic, partition)), ServerTimeout)
            .Where(place => !place.Offset.IsSpecial)
            .ToDictionary(place => place.Partition.Value, place => place.Offset.Value));

    public void Dispose() => consumer.Dispose();

    private async Task<T> AskAsync<T>(Func<T> ask)
    {
        try
        {
            return await OwnThreads.RunAsync(ask);
        }
        catch (KafkaException e)
        {
            throw new StoreUnavailableException($"No broker answers at {options.BootstrapServers} ({e.Error.Reason}).", e);
        }
    }
}
