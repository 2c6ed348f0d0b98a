using System.Text;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>What 'processor rebuild' does, from within a running processor and for one lane: of those that Redis has lost, one after another.</summary>
internal sealed class SelfRebuild(
    ProcessorOptions options, int partitions, IPositionStore store, IClickHouse clickHouse, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly SemaphoreSlim oneAtATime = new(1, 1);
    private readonly RedisRebuild redis = new(options.Positions, time, logger);
    private readonly GroupOffsets offsets = new(options.Kafka);

    /// <exception cref="SetupException">The lane can not be rebuilt; it was not touched.</exception>
    /// <exception cref="StoreUnavailableException">A server does not answer.</exception>
    public async Task RunAsync(int partition, CancellationToken token)
    {
        await oneAtATime.WaitAsync(token);
        try
        {
            await new LaneRebuild(options, partitions, offsets, new LedgerSnapshot(clickHouse), redis, store, new LogWriter(logger), time)
                .RunAsync(partition, asOf: null, token);
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await redis.DisposeAsync();
        offsets.Dispose();
        oneAtATime.Dispose();
    }

    private sealed class LogWriter(ILogger logger) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override Task WriteLineAsync(string? value)
        {
            logger.RebuildProgress(value ?? "");
            return Task.CompletedTask;
        }
    }
}
