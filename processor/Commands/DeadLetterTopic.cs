using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>Reads the dead-letter topic from its beginning to the end that it has now, and sends letters again. No consumer group is touched.</summary>
internal sealed class DeadLetterTopic(ClientConfig client, string topic)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public string Name => topic;

    /// <summary>The letters that <paramref name="wanted"/> accepts, partition by partition as they arrive.</summary>
    /// <exception cref="StoreUnavailableException">No broker answers.</exception>
    /// <exception cref="SetupException">There is no such topic.</exception>
    public IEnumerable<DeadLetter> Read(Func<DeadLetter, bool> wanted, CancellationToken token) => Read(wanted, null, token);

    /// <summary>One letter, or null where there is none at this place.</summary>
    public DeadLetter? Find(int partition, long offset, CancellationToken token) =>
        Read(letter => letter.Offset == offset, (partition, offset), token).FirstOrDefault();

    private IEnumerable<DeadLetter> Read(Func<DeadLetter, bool> wanted, (int Partition, long Offset)? only, CancellationToken token)
    {
        var failure = "";
        using var consumer = Consumer(error => failure = error);
        var open = Partitions(consumer, () => failure);
        if (only is { } place)
        {
            open.IntersectWith([place.Partition]);
        }

        consumer.Assign(open.Select(partition => new TopicPartitionOffset(topic, partition, only?.Offset ?? Offset.Beginning)));
        while (open.Count > 0)
        {
            var record = Next(consumer, () => failure, token);
            if (record.IsPartitionEOF)
            {
                open.Remove(record.Partition.Value);
                consumer.IncrementalUnassign([record.TopicPartition]);
                continue;
            }

            var letter = new DeadLetter(record);
            if (wanted(letter))
            {
                yield return letter;
            }
        }
    }

    /// <summary>
    /// The latest letters of each partition, by falling offset. A partition of which a page holds none and that has older ones may still come:
    /// its window moves all the same.
    /// </summary>
    /// <param name="before">By partition the offset to stay below; null, or a partition that is not named, for its end.</param>
    /// <param name="limit">Offsets of a partition to look at.</param>
    /// <param name="select">Takes what is needed of a letter, so that no more than one value is in memory.</param>
    /// <param name="token">Ends the reading.</param>
    public IReadOnlyList<DeadLetterWindow<T>> Latest<T>(IReadOnlyDictionary<int, long>? before, int limit, Func<DeadLetter, T> select, CancellationToken token)
    {
        var failure = "";
        using var consumer = Consumer(error => failure = error);
        var windows = new Dictionary<int, DeadLetterWindow<T>>();
        foreach (var partition in Partitions(consumer, () => failure))
        {
            token.ThrowIfCancellationRequested();
            var (low, high) = Ends(consumer, partition, () => failure);
            var end = before is not null && before.TryGetValue(partition, out var place) ? Math.Clamp(place, low, high) : high;
            windows[partition] = new DeadLetterWindow<T>(partition, low, Math.Max(low, end - limit), end, []);
        }

        var open = windows.Values.Where(window => window.Start < window.End).Select(window => window.Partition).ToHashSet();
        consumer.Assign(open.Select(partition => new TopicPartitionOffset(topic, partition, windows[partition].Start)));
        while (open.Count > 0)
        {
            var record = Next(consumer, () => failure, token);
            var window = windows[record.Partition.Value];
            if (!record.IsPartitionEOF && record.Offset.Value < window.End)
            {
                window.Letters.Insert(0, (record.Offset.Value, select(new DeadLetter(record))));
            }

            if ((record.IsPartitionEOF || record.Offset.Value >= window.End - 1) && open.Remove(window.Partition))
            {
                consumer.IncrementalUnassign([record.TopicPartition]);
            }
        }

        return [.. windows.Values];
    }

    /// <summary>Sends letters to the topics they came from; returns when the broker has acknowledged every one.</summary>
    /// <exception cref="StoreUnavailableException">The broker refused or did not answer; the message tells how many had been sent.</exception>
    /// <param name="letters">The letters.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="mark">Adds headers of its own to a record.</param>
    public async Task SendAsync(IReadOnlyList<DeadLetter> letters, CancellationToken token, Action<DeadLetter, Headers>? mark = null)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig(new Dictionary<string, string>(client))
        {
            Acks = Acks.All,
            EnableIdempotence = true,
            // The producers' own partitioner: the letter must come to the lane that its key belongs to.
            Partitioner = Partitioner.Murmur2Random,
            MessageTimeoutMs = 60_000,
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        const int window = 1000;
        var sent = 0;
        try
        {
            foreach (var part in letters.Chunk(window))
            {
                await Task.WhenAll(part.Select(letter =>
                {
                    var original = letter.Original();
                    mark?.Invoke(letter, original.Headers);
                    return producer.ProduceAsync(letter.SourceTopic, original, token);
                })).ConfigureAwait(false);
                sent += part.Length;
            }
        }
        catch (KafkaException e)
        {
            throw new StoreUnavailableException(
                $"at least {sent} of {letters.Count} were sent, then: {e.Error.Reason}. Sending again is harmless: an event counts once", e);
        }
    }

    private IConsumer<byte[]?, byte[]?> Consumer(Action<string> failed) =>
        new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig(new Dictionary<string, string>(client))
        {
            GroupId = "stockflow-dlq",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            EnablePartitionEof = true,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            AllowAutoCreateTopics = false,
            QueuedMaxMessagesKbytes = 16 * 1024,
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, error) => failed(error.Reason)).Build();

    private (long Low, long High) Ends(IConsumer<byte[]?, byte[]?> consumer, int partition, Func<string> failure)
    {
        try
        {
            var ends = consumer.QueryWatermarkOffsets(new TopicPartition(topic, partition), Patience);
            return (ends.Low.Value, ends.High.Value);
        }
        catch (KafkaException e)
        {
            throw Unavailable(failure(), e);
        }
    }

    private HashSet<int> Partitions(IConsumer<byte[]?, byte[]?> consumer, Func<string> failure)
    {
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        try
        {
            var found = admin.GetMetadata(topic, Patience).Topics.FirstOrDefault(candidate => candidate.Topic == topic);
            return found is { Error.IsError: false, Partitions.Count: > 0 }
                ? [.. found.Partitions.Select(partition => partition.PartitionId)]
                : throw new SetupException($"there is no topic '{topic}'; the first dead letter creates it where the broker allows that");
        }
        catch (KafkaException e)
        {
            throw Unavailable(failure(), e);
        }
    }

    private ConsumeResult<byte[]?, byte[]?> Next(IConsumer<byte[]?, byte[]?> consumer, Func<string> failure, CancellationToken token)
    {
        // Short waits, so that Ctrl-C and a broker that went away are noticed.
        var deadline = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(deadline) < Patience)
        {
            token.ThrowIfCancellationRequested();
            try
            {
                if (consumer.Consume(TimeSpan.FromMilliseconds(200)) is { } record)
                {
                    return record;
                }
            }
            catch (ConsumeException e)
            {
                throw Unavailable(e.Error.Reason, e);
            }
        }

        throw Unavailable(failure(), null);
    }

    private StoreUnavailableException Unavailable(string reason, Exception? inner) =>
        new($"Kafka at {client.BootstrapServers} does not serve '{topic}': {(reason.Length > 0 ? reason : inner?.Message ?? "no answer")}", inner);
}

/// <summary>Letters of one partition in [<see cref="Start"/>, <see cref="End"/>), by falling offset. <see cref="Low"/> is the partition's first offset.</summary>
internal sealed record DeadLetterWindow<T>(int Partition, long Low, long Start, long End, List<(long Offset, T Letter)> Letters);
