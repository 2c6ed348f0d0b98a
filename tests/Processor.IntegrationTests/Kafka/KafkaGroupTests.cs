using Confluent.Kafka;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;
using static Stockflow.IntegrationTests.Kafka.KafkaClients;

namespace Stockflow.IntegrationTests.Kafka;

public sealed class KafkaGroupTests
{
    [Fact]
    public async Task Cooperative_sticky_members_share_the_partitions_and_one_inherits_what_the_other_leaves()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("shared:8");
        await using var first = new Member(kafka.Bootstrap);
        await first.WaitForAsync(owned => owned.Count == 8);

        var second = new Member(kafka.Bootstrap);
        await second.WaitForAsync(owned => owned.Count == 4);
        await first.WaitForAsync(owned => owned.Count == 4);
        Assert.Equal(8, first.Owned.Union(second.Owned).Count());
        // Incremental: the first one gave up four and was never stripped of all.
        Assert.Equal(4, first.FewestOwned);

        await second.DisposeAsync();
        await first.WaitForAsync(owned => owned.Count == 8);
    }

    [Fact]
    public async Task A_group_resumes_at_the_commit_of_a_consumer_that_was_killed()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("resumed:1");
        using var producer = Producer(kafka.Bootstrap);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(number => producer.ProduceAsync("resumed", Record($"{number}", []))));

        await using (var killed = NodePeer.Start("kafkajs-consume.js", kafka.Bootstrap, "resumed", "survivors", "37"))
        {
            await killed.WaitForLineAsync("first 0");
            await killed.WaitForLineAsync("committed 37");
            killed.Kill();
        }

        using var observer = Consumer(kafka.Bootstrap, "survivors").Build();
        Assert.Equal(37, observer.Committed([new TopicPartition("resumed", 0)], Patience)[0].Offset.Value);
        await using var next = NodePeer.Start("kafkajs-consume.js", kafka.Bootstrap, "resumed", "survivors", "100");
        Assert.Equal("first 37", await next.WaitForLineAsync("first"));
        await next.WaitForLineAsync("committed 100");
    }

    [Fact]
    public async Task A_commit_is_kept_for_the_next_member()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("kept:2");
        using (var consumer = Consumer(kafka.Bootstrap, "group").Build())
        {
            consumer.Commit([new TopicPartitionOffset("kept", 1, 12)]);
        }

        using var next = Consumer(kafka.Bootstrap, "group").Build();
        var committed = next.Committed([new TopicPartition("kept", 0), new TopicPartition("kept", 1)], Patience);

        Assert.Equal([Offset.Unset, new Offset(12)], committed.Select(partition => partition.Offset));
    }

    /// <summary>A group member on a thread of its own, which reports what it owns.</summary>
    private sealed class Member : IAsyncDisposable
    {
        private readonly HashSet<int> owned = [];
        private readonly List<(Func<IReadOnlySet<int>, bool> Condition, TaskCompletionSource Met)> waiting = [];
        private readonly CancellationTokenSource stop = new();
        private readonly Task polling;
        private int fewest = int.MaxValue;

        public Member(string bootstrap)
        {
            var consumer = Consumer(bootstrap, "members", settings => settings.PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky)
                .SetPartitionsAssignedHandler((_, added) => Change(() => owned.UnionWith(added.Select(partition => partition.Partition.Value))))
                .SetPartitionsRevokedHandler((_, removed) => Change(() => owned.ExceptWith(removed.Select(partition => partition.Partition.Value))))
                .Build();
            consumer.Subscribe("shared");
            polling = Task.Factory.StartNew(() => Poll(consumer), TaskCreationOptions.LongRunning);
        }

        public IReadOnlySet<int> Owned
        {
            get
            {
                lock (owned)
                {
                    return owned.ToHashSet();
                }
            }
        }

        /// <summary>The fewest partitions owned after the first assignment.</summary>
        public int FewestOwned
        {
            get
            {
                lock (owned)
                {
                    return fewest;
                }
            }
        }

        public Task WaitForAsync(Func<IReadOnlySet<int>, bool> condition)
        {
            lock (owned)
            {
                if (condition(owned))
                {
                    return Task.CompletedTask;
                }

                var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiting.Add((condition, met));
                return met.Task.WaitAsync(Patience);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await polling;
            stop.Dispose();
        }

        private void Poll(IConsumer<string, byte[]> consumer)
        {
            using (consumer)
            {
                try
                {
                    while (true)
                    {
                        consumer.Consume(stop.Token);
                    }
                }
                catch (OperationCanceledException)
                {
                    consumer.Close();
                }
            }
        }

        private void Change(Action change)
        {
            lock (owned)
            {
                change();
                if (owned.Count > 0 || fewest != int.MaxValue)
                {
                    fewest = Math.Min(fewest, owned.Count);
                }

                foreach (var (condition, met) in waiting)
                {
                    if (condition(owned))
                    {
                        met.TrySetResult();
                    }
                }
            }
        }
    }
}
