using System.Diagnostics;
using Confluent.Kafka;

namespace Stockflow.Benchmarks;

/// <summary>The limit that a pipeline on Confluent.Kafka can reach: one consumer of all partitions that does nothing with what it gets.</summary>
internal static class BareConsume
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Reads the whole topic once.</summary>
    /// <returns>Events a second, CPU seconds of this process and bytes that it allocated.</returns>
    public static (double Rate, double Cpu, long Allocated) Run(Servers servers, int partitions, long events, CancellationToken token)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = servers.Bootstrap,
            GroupId = "bare",
            EnableAutoCommit = false,
            EnablePartitionEof = false,
            AutoOffsetReset = AutoOffsetReset.Error,
        };
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        var started = Stopwatch.GetTimestamp();
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(Servers.Topic, p, 0)));
        long count = 0, bytes = 0;
        while (count < events)
        {
            token.ThrowIfCancellationRequested();
            if (consumer.Consume(Patience) is not { } result)
            {
                throw new WrongResultException($"pipeline: the bare consumer got {count:N0} of {events:N0} events and then no more.");
            }

            count++;
            bytes += result.Message.Value?.Length ?? 0;
        }

        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        GC.KeepAlive(bytes);
        return (events / seconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds, GC.GetTotalAllocatedBytes() - allocated);
    }
}
