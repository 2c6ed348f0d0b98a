using Stockflow.Model;
using Stockflow.Serve.Stock;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>
/// What runs beside the commands: it sends their movements to Kafka, each lane's by the process that has the lane, and does what is due
/// for their documents. A server that is away delays it and loses nothing.
/// </summary>
internal sealed class StockService(ProcessorOptions options, IStockStore store, StockServices services, ProcessorStatus status, TimeProvider time, ILogger logger)
{
    private const int EntriesAtOnce = 500, DueAtOnce = 500;
    private MovementSender? sender;

    public async Task RunAsync(CancellationToken token)
    {
        try
        {
            await Task.WhenAll(
                RepeatAsync("forwarding", options.Stock.ForwardMilliseconds, ForwardAsync, token),
                RepeatAsync("sweep", options.Stock.SweepMilliseconds, SweepAsync, token));
        }
        finally
        {
            sender?.Dispose();
        }
    }

    private async Task RepeatAsync(string what, int pauseMilliseconds, Func<CancellationToken, Task<bool>> work, CancellationToken token)
    {
        var isFailing = false;
        await Watch.RunAsync(async () =>
        {
            try
            {
                var more = await work(token);
                isFailing = false;
                return more ? TimeSpan.Zero : TimeSpan.FromMilliseconds(pauseMilliseconds);
            }
            catch (Exception e) when (e is StoreUnavailableException or SetupException)
            {
                if (!isFailing)
                {
                    logger.StockWaits(what, e.Message);
                }

                isFailing = true;
                return TimeSpan.FromMilliseconds(Math.Max(1000, pauseMilliseconds));
            }
        }, time, token);
    }

    // In the order of the outbox: what a crash repeats has the same event ids, which the lane takes for duplicates.
    private async Task<bool> ForwardAsync(CancellationToken token)
    {
        var more = false;
        var partitions = await store.OutboxesAsync(token);
        status.Outboxes = partitions.Count;
        foreach (var partition in partitions)
        {
            if (!status.Lanes.TryGetValue(partition, out _))
            {
                continue;
            }

            var entries = await store.OutboxAsync(partition, EntriesAtOnce, token);
            if (entries.Count > 0)
            {
                sender ??= await MovementSender.CreateAsync(options, token);
                await Task.WhenAll(entries.Select(entry => sender.SendAsync(partition, entry.Move.SkuId, Fields(entry.Move, time.GetUtcNow().ToUnixTimeMilliseconds()), token)));
                await store.ForwardedAsync(partition, entries, token);
                Interlocked.Add(ref status.Forwarded, entries.Count);
            }

            more |= entries.Count == EntriesAtOnce;
        }

        return more;
    }

    private async Task<bool> SweepAsync(CancellationToken token)
    {
        // One process is enough, and each document's revision keeps two from doing it twice.
        if (!status.Lanes.TryGetValue(0, out _))
        {
            return false;
        }

        var due = await store.DueAsync(DueAtOnce, token);
        foreach (var (kind, id) in due)
        {
            await services.SweepAsync(kind, id, token);
        }

        return false;
    }

    private static Dictionary<string, object?> Fields(StockMove move, long nowTs) => new(StringComparer.Ordinal)
    {
        ["event_id"] = move.EventId,
        ["event_ts"] = move.EventTs,
        ["ingest_ts"] = nowTs,
        ["sku_id"] = move.SkuId,
        ["location_id"] = move.LocationId,
        ["movement_type"] = move.Type.Name(),
        ["qty_delta"] = move.Quantity,
        ["source_system"] = StockMove.SourceSystem,
        ["reference_id"] = move.ReferenceId,
        ["unit_price"] = Money(move.UnitPrice),
        ["unit_cost"] = Money(move.UnitCost),
        ["currency"] = move.Currency,
        ["reason"] = move.Reason,
        ["performed_by"] = move.PerformedBy,
        ["counterpart_location_id"] = move.CounterpartId,
        ["customer_ref"] = move.CustomerRef,
        ["attributes"] = (move.Attributes ?? new Dictionary<string, string>()).ToDictionary(pair => pair.Key, pair => (object?)pair.Value, StringComparer.Ordinal),
    };

    private static decimal? Money(long? tenThousandths) => tenThousandths / 10_000m;
}
