using Confluent.Kafka;
using StackExchange.Redis;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>
/// Sees from outside how soon events reach Redis: asks the lanes' next offsets every few milliseconds, and reads the broker's timestamps
/// of every eighth partition. A change is seen at most one question late.
/// </summary>
internal sealed class LaneWatch : IAsyncDisposable
{
    /// <summary>One partition in so many is read: enough for percentiles, and little beside the load.</summary>
    private const int SampleEvery = 8;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20), Patience = TimeSpan.FromMilliseconds(200);
    private readonly CancellationTokenSource stop = new();
    private readonly RedisKey[] lanes;
    private readonly List<long>[] produced;
    private readonly List<(long Ts, long Next)>[] applied;
    private readonly Task asking, reading;
    private long appliedTotal;

    private LaneWatch(Servers servers, string prefix, int partitions)
    {
        lanes = [.. Enumerable.Range(0, partitions).Select(partition => (RedisKey)(LaneKeys.Base(LaneKeys.Tag(prefix, partition), "") + ":lane"))];
        produced = [.. Sampled().Select(_ => new List<long>())];
        applied = [.. Sampled().Select(_ => new List<(long, long)>())];
        asking = Task.Run(() => AskAsync(servers.Redis.Database));
        reading = Task.Factory.StartNew(() => Read(servers.Bootstrap), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Records of all partitions that Redis has.</summary>
    public long Applied => Volatile.Read(ref appliedTotal);

    public static LaneWatch Start(Servers servers, string prefix, int partitions) => new(servers, prefix, partitions);

    /// <summary>Stops, and gives the freshness of the events between two times (milliseconds since 1970), milliseconds, sorted.</summary>
    /// <exception cref="WrongResultException">One of them never reached Redis.</exception>
    public async Task<List<long>> FinishAsync(long from, long until)
    {
        await stop.CancelAsync();
        await asking;
        await reading;
        var freshness = new List<long>();
        for (var i = 0; i < produced.Length; i++)
        {
            var at = 0;
            for (var offset = 0; offset < produced[i].Count; offset++)
            {
                while (at < applied[i].Count && applied[i][at].Next <= offset)
                {
                    at++;
                }

                if (produced[i][offset] < from || produced[i][offset] >= until)
                {
                    continue;
                }

                freshness.Add(at < applied[i].Count ? Math.Max(0, applied[i][at].Ts - produced[i][offset])
                    : throw new WrongResultException($"offset {offset} of partition {i * SampleEvery} never reached Redis."));
            }
        }

        freshness.Sort();
        return freshness;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(asking, reading);
        stop.Dispose();
    }

    private IEnumerable<int> Sampled() => Enumerable.Range(0, lanes.Length).Where(partition => partition % SampleEvery == 0);

    private async Task AskAsync(IDatabase redis)
    {
        using var timer = new PeriodicTimer(Interval);
        var next = new long[lanes.Length];
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                var answers = await Task.WhenAll(lanes.Select(lane => redis.HashGetAsync(lane, "next")));
                var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
                for (var i = 0; i < next.Length; i++)
                {
                    var value = answers[i].IsNull ? 0 : Math.Max(0, (long)answers[i]);
                    if (value > next[i] && i % SampleEvery == 0)
                    {
                        applied[i / SampleEvery].Add((now, value));
                    }

                    next[i] = value;
                }

                Volatile.Write(ref appliedTotal, next.Sum());
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
    }

    private void Read(string bootstrap)
    {
        var config = new ConsumerConfig { BootstrapServers = bootstrap, GroupId = "watch", EnableAutoCommit = false, AutoOffsetReset = AutoOffsetReset.Error };
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(config).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(Sampled().Select(partition => new TopicPartitionOffset(Servers.Topic, partition, 0)));
        while (!stop.IsCancellationRequested)
        {
            if (consumer.Consume(Patience) is { } record)
            {
                produced[record.Partition.Value / SampleEvery].Add(record.Message.Timestamp.UnixTimestampMs);
            }
        }
    }
}
