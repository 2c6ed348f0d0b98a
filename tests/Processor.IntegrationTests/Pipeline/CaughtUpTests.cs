using System.Collections.Concurrent;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Source;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>The source alone, before lanes that do as they are told: only one that keeps up with its partition is told that it does.</summary>
public sealed class CaughtUpTests
{
    private const int Full = 0, Busy = 1, Free = 2, Empty = 3, Ahead = 4;

    [Fact]
    public async Task Lanes_that_are_full_busy_or_held_back_are_never_told_that_they_have_caught_up()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync("t:5");
        using (var producer = Wire.Producer(kafka.Bootstrap))
        {
            foreach (var partition in new[] { Full, Busy, Free, Ahead })
            {
                for (var i = 0; i < 10; i++)
                {
                    await producer.ProduceAsync(new TopicPartition("t", partition), new Message<byte[], byte[]> { Key = [1], Value = [2] });
                }
            }
        }

        var lanes = new ConcurrentDictionary<int, FakeLane>();
        var options = new KafkaOptions { BootstrapServers = kafka.Bootstrap, Topic = "t", GroupId = "g", BatchRecords = 2, SessionTimeoutMilliseconds = 6000 };
        var status = new ProcessorStatus { GlobalWatermarkTs = 1 };
        var source = new KafkaSource(options, Open, new BatchPool(2, 1 << 20), status, TimeProvider.System, NullLogger.Instance) { MaximumDriftMilliseconds = 1000 };
        using var stop = new CancellationTokenSource(ProcessorProcess.Patience);
        var run = source.RunAsync(stop.Token);
        while (!run.IsCompleted && (Told(Free).Count < 3 || Told(Empty).Count < 3))
        {
            await Task.Delay(50, stop.Token);
        }

        Assert.Empty(Told(Full));
        Assert.Empty(Told(Busy));
        Assert.Empty(Told(Ahead));
        Assert.True(lanes[Full].Status.Paused && lanes[Ahead].Status.Paused && lanes[Ahead].Status.Aligning);
        Assert.False(lanes[Full].Status.Aligning);

        // One instant joins on to the one before it, and the first to none.
        foreach (var told in new[] { Told(Free), Told(Empty) })
        {
            Assert.Null(told[0].Since);
            Assert.All(Enumerable.Range(1, told.Count - 1), i => Assert.Equal(told[i - 1].Stamp, told[i].Since));
        }

        // Held back no more, the lane is told too.
        status.GlobalWatermarkTs = lanes[Ahead].Status.WatermarkTs;
        lanes[Busy].Apply();
        while (!run.IsCompleted && (Told(Ahead).Count == 0 || Told(Busy).Count == 0))
        {
            await Task.Delay(50, stop.Token);
        }

        // Time in which the broker did not answer the question tells nothing.
        var before = Told(Free).Count;
        await kafka.FailNextAsync(KafkaApi.ListOffsets, ErrorCode.TopicAuthorizationFailed);
        while (!run.IsCompleted && Told(Free).Count < before + 3)
        {
            await Task.Delay(50, stop.Token);
        }

        Assert.Contains(Told(Free)[before..], told => told.Since is null);
        Assert.Null(Told(Ahead)[0].Since);
        Assert.Equal(10, lanes[Ahead].Status.NextOffset);
        await stop.CancelAsync();
        await run;

        Task<ILane> Open(int partition, long committed, long earliest, CancellationToken token) =>
            Task.FromResult<ILane>(lanes[partition] = new FakeLane(partition));

        List<CaughtUp> Told(int partition) => lanes.TryGetValue(partition, out var lane) ? [.. lane.Told] : [];
    }

    private sealed class FakeLane(int partition) : ILane
    {
        private long posted;
        private volatile bool applies = partition != Busy;

        public ConcurrentQueue<CaughtUp> Told { get; } = new();

        public LaneStatus Status { get; } = new() { Topic = "t", Partition = partition, NextOffset = 0, DurableOffset = 0, WatermarkTs = partition == Ahead ? 5000 : 0 };

        public IdTable Ids { get; } = new();

        public long StartOffset => 0;

        public int Waiting => 0;

        public Task Completion { get; } = new TaskCompletionSource().Task;

        public void Apply()
        {
            applies = true;
            Status.NextOffset = Interlocked.Read(ref posted);
        }

        public bool TryPost(RecordBatch batch)
        {
            if (partition == Full)
            {
                return false;
            }

            Interlocked.Exchange(ref posted, batch.NextOffset);
            if (applies)
            {
                Status.NextOffset = batch.NextOffset;
            }

            return true;
        }

        public bool TryPostAgain(RecordBatch batch) => false;

        public bool Check(CaughtUp? caughtUp = null)
        {
            if (caughtUp is { } told)
            {
                Told.Enqueue(told);
            }

            return true;
        }

        public Task DrainAsync(CancellationToken token) => Task.CompletedTask;

        public void Abort()
        {
        }
    }
}
