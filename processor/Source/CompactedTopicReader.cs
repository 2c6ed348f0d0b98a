using System.Threading.Channels;
using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <summary>One record of a compacted topic; a null value deletes the key.</summary>
public readonly record struct CompactedRecord(string Topic, int Partition, long Offset, byte[] Key, byte[]? Value);

/// <summary>
/// Reads compacted topics from their start and follows them, without a group: every process holds the whole of them.
/// </summary>
public sealed class CompactedTopicReader(
    KafkaOptions options, IReadOnlyList<string> topics, Func<CompactedRecord, CancellationToken, ValueTask> apply, ILogger logger) : IDisposable
{
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(15);

    /// <summary>A caller that just asked gets the same answer: unknown ids must not make one broker query each.</summary>
    private const int MinimumRefreshMilliseconds = 200;

    private const int RetryMilliseconds = 500;

    private readonly Channel<TaskCompletionSource> requests = Channel.CreateUnbounded<TaskCompletionSource>();
    private readonly Dictionary<TopicPartition, long> positions = [];
    private readonly List<(Dictionary<TopicPartition, long> Ends, List<TaskCompletionSource> Waiters)> pending = [];
    private IConsumer<byte[], byte[]> consumer = null!;

    // Asks for the topics' ends. A broker answers one connection's requests in turn, and a fetch that waits for records would hold them up.
    private IConsumer<byte[], byte[]> ends = null!;
    private long lastQuery;

    /// <summary>Follows the topics until <paramref name="token"/> ends.</summary>
    public Task RunAsync(CancellationToken token) => OwnThreads.RunAsync("reference", () => Run(token));

    /// <summary>Ends when all that the topics held at this moment has been applied.</summary>
    public async Task RefreshAsync(CancellationToken token)
    {
        var request = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await requests.Writer.WriteAsync(request, token);
        await request.Task.WaitAsync(token);
    }

    public void Dispose()
    {
        consumer?.Dispose();
        ends?.Dispose();
    }

    private async Task Run(CancellationToken token)
    {
        consumer = Build();
        ends = Build();
        try
        {
            await AssignAsync(token);
            while (!token.IsCancellationRequested)
            {
                var result = Consume();
                if (result is not null)
                {
                    positions[result.TopicPartition] = result.Offset.Value + 1;
                    await apply(new CompactedRecord(result.Topic, result.Partition.Value, result.Offset.Value, result.Message.Key ?? [], result.Message.Value), token);
                }

                Answer();
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // The process stops.
        }
        finally
        {
            consumer.Close();
        }
    }

    private IConsumer<byte[], byte[]> Build() =>
        new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig(options.ConsumerProperties())
        {
            GroupId = options.GroupId + "-reference",
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            AllowAutoCreateTopics = false,
        })
            .SetErrorHandler((_, e) => logger.KafkaError(e.Reason))
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .Build();

    private ConsumeResult<byte[], byte[]>? Consume()
    {
        try
        {
            return consumer.Consume(requests.Reader.Count > 0 || pending.Count > 0 ? 5 : 50);
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            logger.KafkaError(e.Error.Reason);
            return null;
        }
    }

    // Without these topics every id would be unknown and every movement a dead letter: a broker that can not tell of them now is waited for.
    private async Task AssignAsync(CancellationToken token)
    {
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        var deadline = Environment.TickCount64 + (long)ServerTimeout.TotalMilliseconds;
        foreach (var topic in topics)
        {
            while (positions.Keys.All(p => p.Topic != topic))
            {
                var error = Find(admin, topic);
                if (error?.Code is ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic && Environment.TickCount64 > deadline)
                {
                    throw new SetupException($"The broker at {options.BootstrapServers} has no topic {topic}: every movement would be refused. Create it and send the reference data first.");
                }

                if (error is not null)
                {
                    logger.KafkaError($"topic {topic}: {error.Reason}");
                    await Task.Delay(RetryMilliseconds, token);
                }
            }
        }

        consumer.Assign(positions.Keys.Select(p => new TopicPartitionOffset(p, Offset.Beginning)));
    }

    private Error? Find(IAdminClient admin, string topic)
    {
        try
        {
            var found = admin.GetMetadata(topic, ServerTimeout).Topics.Single(t => t.Topic == topic);
            if (found.Error.IsError || found.Partitions.Count == 0)
            {
                return found.Error.IsError ? found.Error : new Error(ErrorCode.LeaderNotAvailable);
            }

            found.Partitions.ForEach(p => positions[new TopicPartition(topic, p.PartitionId)] = 0);
            return null;
        }
        catch (KafkaException e)
        {
            return e.Error;
        }
    }

    private void Answer()
    {
        if (requests.Reader.Count > 0 && Environment.TickCount64 - lastQuery >= MinimumRefreshMilliseconds)
        {
            Take();
        }

        for (var i = pending.Count - 1; i >= 0; i--)
        {
            if (pending[i].Ends.All(end => positions[end.Key] >= end.Value))
            {
                pending[i].Waiters.ForEach(w => w.TrySetResult());
                pending.RemoveAt(i);
            }
        }
    }

    private void Take()
    {
        var waiters = new List<TaskCompletionSource>();
        while (requests.Reader.TryRead(out var waiter))
        {
            waiters.Add(waiter);
        }

        try
        {
            lastQuery = Environment.TickCount64;
            var marks = positions.Keys.ToDictionary(p => p, p =>
            {
                var log = ends.QueryWatermarkOffsets(p, ServerTimeout);
                return log.High.Value > log.Low.Value ? log.High.Value : 0;
            });
            pending.Add((marks, waiters));
        }
        catch (KafkaException e)
        {
            logger.KafkaError(e.Error.Reason);
            if (e.Error.Code == ErrorCode.Local_UnknownPartition)
            {
                RefreshMetadata();
            }

            waiters.ForEach(w => requests.Writer.TryWrite(w));
        }
    }

    // A broker in trouble may tell of a topic without its partitions. The client keeps that for minutes and asks anew only when it is told to.
    private void RefreshMetadata()
    {
        using var admin = new DependentAdminClientBuilder(ends.Handle).Build();
        try
        {
            foreach (var topic in topics)
            {
                admin.GetMetadata(topic, ServerTimeout);
            }
        }
        catch (KafkaException e)
        {
            logger.KafkaError(e.Error.Reason);
        }
    }
}
