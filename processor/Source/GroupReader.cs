using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <summary>
/// Reads topics with little traffic as a member of a group of their own: each record goes to one process, and again after a crash, for what it
/// leads to is kept before the offset is committed.
/// </summary>
public sealed class GroupReader(
    KafkaOptions options, string purpose, IReadOnlyList<string> topics, Func<IReadOnlyList<SourceRecord>, CancellationToken, Task> apply, ILogger logger)
{
    private const int MaximumRecords = 500;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(500), UntilNextLook = TimeSpan.FromSeconds(20), ServerTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Reads until <paramref name="token"/> ends. Where none of the topics exists it waits for one.</summary>
    public Task RunAsync(CancellationToken token) => OwnThreads.RunAsync(purpose, () => Run(token));

    private async Task Run(CancellationToken token)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig(options.ClientProperties())
        {
            GroupId = $"{options.GroupId}-{purpose}",
            EnableAutoCommit = false,
            SessionTimeoutMs = options.SessionTimeoutMilliseconds,
            HeartbeatIntervalMs = Math.Max(1, options.SessionTimeoutMilliseconds / 5),
            AutoOffsetReset = AutoOffsetReset.Earliest,
            AllowAutoCreateTopics = false,
        })
            .SetErrorHandler((_, e) => logger.KafkaError(e.Reason))
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .Build();
        try
        {
            // A group over topics that do not exist would be formed and balanced for nothing.
            while (!Exist(consumer))
            {
                await Task.Delay(UntilNextLook, token);
            }

            consumer.Subscribe(topics);
            while (!token.IsCancellationRequested)
            {
                var read = Read(consumer);
                if (read.Count > 0)
                {
                    await apply([.. read.Select(Record)], token);
                    Commit(consumer, read);
                }
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // The process stops; what was not committed is read again.
        }
        finally
        {
            consumer.Close();
        }
    }

    private bool Exist(IConsumer<byte[]?, byte[]?> consumer)
    {
        try
        {
            using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            return admin.GetMetadata(ServerTimeout).Topics.Any(topic => topics.Contains(topic.Topic));
        }
        catch (KafkaException e)
        {
            logger.KafkaError(e.Error.Reason);
            return false;
        }
    }

    private List<ConsumeResult<byte[]?, byte[]?>> Read(IConsumer<byte[]?, byte[]?> consumer)
    {
        var read = new List<ConsumeResult<byte[]?, byte[]?>>();
        try
        {
            while (read.Count < MaximumRecords && consumer.Consume(read.Count == 0 ? Wait : TimeSpan.Zero) is { } record)
            {
                read.Add(record);
            }
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            logger.KafkaError(e.Error.Reason);
        }

        return read;
    }

    private void Commit(IConsumer<byte[]?, byte[]?> consumer, List<ConsumeResult<byte[]?, byte[]?>> read)
    {
        try
        {
            consumer.Commit(read.GroupBy(record => record.TopicPartition).Select(group => new TopicPartitionOffset(group.Key, group.Last().Offset + 1)));
        }
        catch (KafkaException e)
        {
            logger.OffsetCommitFailed(e.Error.Reason);
        }
    }

    private static SourceRecord Record(ConsumeResult<byte[]?, byte[]?> result) => new(
        result.Topic, result.Partition.Value, result.Offset.Value, result.Message.Key, result.Message.Value,
        [.. (result.Message.Headers ?? []).Select(header => KeyValuePair.Create(header.Key, (byte[]?)header.GetValueBytes()))],
        result.Message.Timestamp.UnixTimestampMs);
}
