using Stockflow.History;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>Closes hours inside 'processor run', in whichever process owns the topic's first partition.</summary>
internal sealed class CloseService(ProcessorOptions options, int partitions, IPositionStore positions, IClickHouse clickHouse, ProcessorStatus status, TimeProvider time, ILogger logger)
{
    private GroupOffsets? others;
    private bool hasSettings, isFailing;

    /// <summary>Looks from time to time until <paramref name="token"/> ends. A server that is away delays the close and stops nothing.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        if (!options.Close.Enabled)
        {
            // A background task that ends ends the process.
            await Task.Delay(Timeout.InfiniteTimeSpan, time, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        HourClose? close = null;
        var epoch = -1L;
        try
        {
            await Watch.RunAsync(async () =>
            {
                var started = time.GetTimestamp();
                if (status.Lanes.TryGetValue(0, out var lane) && status.GlobalCloseTs != 0)
                {
                    if (close is null || epoch != lane.Epoch)
                    {
                        epoch = lane.Epoch;
                        close = new HourClose(new CloseLedger(clickHouse, options.Kafka.Topic), options.Close, stop => positions.IsOwnerAsync(0, lane.Epoch, stop));
                    }

                    await TryAsync(close, lane.Epoch, token);
                }

                // A look keeps a busy server at work all the while: nine tenths of the time stay for what else it has to do.
                var interval = options.Close.IntervalSeconds;
                return TimeSpan.FromSeconds(Math.Clamp(9 * time.GetElapsedTime(started).TotalSeconds, interval, 6 * interval));
            }, time, token);
        }
        finally
        {
            others?.Dispose();
        }
    }

    private async Task TryAsync(HourClose close, long epoch, CancellationToken token)
    {
        var started = time.GetTimestamp();
        try
        {
            if (!await positions.IsOwnerAsync(0, epoch, token))
            {
                return;
            }

            if (!hasSettings)
            {
                await new CloseLedger(clickHouse, options.Kafka.Topic).WriteSettingsAsync(options.Close.Measures, token);
                hasSettings = true;
            }

            var outcome = await close.RunAsync(status.GlobalCloseTs, await DurableAsync(token), token);
            status.Close.ThroughTs = outcome.ThroughTs;
            status.Close.Hours += outcome.Hours;
            status.Close.Keys += outcome.Keys;
            status.Close.Postings += outcome.Postings;
            isFailing = false;
            if (outcome.Hours > 0 || outcome.Keys > 0)
            {
                var seconds = time.GetElapsedTime(started).TotalSeconds;
                Metrics.CloseSeconds.Record(seconds);
                logger.HoursClosed(outcome.Hours, DateTimeOffset.FromUnixTimeMilliseconds(outcome.ThroughTs), outcome.Keys, outcome.Postings, seconds);
            }
        }
        catch (Exception e) when (e is ClickHouseException or StoreUnavailableException or SetupException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            status.Close.Failures++;
            if (!isFailing)
            {
                logger.CloseWaits(e.Message);
            }

            isFailing = true;
        }
    }

    // Of this process's lanes what the history has acknowledged; of the others' what they have committed.
    private async Task<Dictionary<int, long>> DurableAsync(CancellationToken token)
    {
        var durable = new Dictionary<int, long>();
        var elsewhere = new List<int>();
        for (var partition = 0; partition < partitions; partition++)
        {
            if (status.Lanes.TryGetValue(partition, out var lane))
            {
                durable[partition] = lane.DurableOffset;
            }
            else
            {
                elsewhere.Add(partition);
            }
        }

        if (elsewhere.Count > 0)
        {
            others ??= new GroupOffsets(options.Kafka);
            foreach (var (partition, offset) in await others.ReadCommittedAsync(elsewhere))
            {
                durable[partition] = offset;
            }
        }

        return durable;
    }
}
