using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Stockflow.Serve.Stock;
using Stockflow.Source;

namespace Stockflow.Commands;

/// <summary>The commands on stock inside 'processor run': their store, what runs beside them, and the topics that feed their documents.</summary>
internal sealed class StockHost : IAsyncDisposable
{
    private readonly RedisStockStore? store;
    private readonly Func<CancellationToken, Task>[] work;
    private readonly TimeProvider time;

    public StockHost(ProcessorOptions options, ISchemaSource schemas, ReferenceCatalog catalog, Func<CancellationToken, Task> refresh, DeadLetterWriter deadLetters,
        ProcessorStatus status, TimeProvider time, ILogger logger)
    {
        this.time = time;

        // Holds must outlive the process.
        store = options.Positions.Connection == "memory" ? null : new RedisStockStore(options.Positions, options.Kafka.Topic);
        Services = new StockServices(store, new StockSettings(options.Stock, options.Receiving, options.Counts, options.Allocation), catalog, options.Decode.RequireKnownIds, time);
        if (store is null)
        {
            work = [];
            return;
        }

        var known = new KnownIds(catalog, options.Decode.RequireKnownIds);
        var orders = new OrderStage(options.Decode, schemas, RunCommand.LoadSchema("OrderEvent"), time, logger);
        var watch = new FactWatch<OrderFact>(OrderStage.StageName, orders.ReadAsync, known.Check, (fact, t) => Services.ApplyAsync(known.Stocked(fact), t), refresh, deadLetters, time, logger);
        var inbound = new PurchaseOrderStage(options.Decode, schemas, RunCommand.LoadSchema("PurchaseOrderEvent"), RunCommand.LoadSchema("ShipNotice"), RunCommand.LoadSchema("InboundAppointment"), time, logger);
        var inboundWatch = new FactWatch<InboundFact>(PurchaseOrderStage.StageName, inbound.ReadAsync, known.Check, Services.ApplyAsync, refresh, deadLetters, time, logger);
        work =
        [
            new StockService(options, store, Services, status, time, logger).RunAsync,
            new GroupReader(options.Kafka, "orders", [OrderStage.Topic], watch.ApplyAsync, logger).RunAsync,
            new GroupReader(options.Kafka, "purchase-orders", [PurchaseOrderStage.Topic], inboundWatch.ApplyAsync, logger).RunAsync,
        ];
    }

    public StockServices Services { get; }

    /// <summary>What the console may do.</summary>
    public ConsoleServices Console(IDeadLetters letters) => store is null
        ? new ConsoleServices { DeadLetters = letters }
        : new ConsoleServices { DeadLetters = letters, Reservations = new StockReservations(Services, time), Counts = new StockCounts(Services, time) };

    /// <exception cref="SetupException">The durability that the settings name is not to be had.</exception>
    public Task CheckAsync(CancellationToken token) => store?.CheckAsync(token) ?? Task.CompletedTask;

    public async Task RunAsync(CancellationToken token)
    {
        await Task.WhenAll(work.Select(run => run(token)));

        // A background task that ends ends the process.
        await Task.Delay(Timeout.InfiniteTimeSpan, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public ValueTask DisposeAsync() => store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>Whether the reference topics know what a fact names: its movements would be dead letters otherwise.</summary>
internal sealed class KnownIds(ReferenceCatalog catalog, bool requireKnownIds)
{
    public (RejectReason Reason, string Message) Check(OrderFact fact) => Check(fact.Lines.Select(line => (line.SkuId, line.LocationId)));

    public (RejectReason Reason, string Message) Check(InboundFact fact) => Check(fact switch
    {
        PurchaseOrderFact order => order.Lines.Select(line => (line.SkuId, line.LocationId)),
        ShipNoticeFact notice => notice.Lines.Select(line => (line.SkuId, line.LocationId)),
        _ => [],
    });

    /// <summary>The order without its services and fees, which have no stock.</summary>
    public OrderFact Stocked(OrderFact fact) => requireKnownIds
        ? fact with { Lines = [.. fact.Lines.Where(line => !catalog.TryGetSku(line.SkuId, out var stocked) || stocked)] }
        : fact;

    private (RejectReason Reason, string Message) Check(IEnumerable<(string Sku, string Location)> lines)
    {
        var i = 0;
        foreach (var (sku, location) in requireKnownIds ? lines : [])
        {
            if (!catalog.TryGetSku(sku, out _))
            {
                return (RejectReason.UnknownSku, $"lines[{i}].sku_id '{sku}' is not in topic reference.sku; publish it there, then replay this event.");
            }

            if (!catalog.HasLocation(location))
            {
                return (RejectReason.UnknownLocation, $"lines[{i}].location_id '{location}' is not in topic reference.location; publish it there, then replay this event.");
            }

            i++;
        }

        return (RejectReason.None, "");
    }
}
