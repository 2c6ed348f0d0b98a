using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>The commands on stock, put together: their paths, and what a sweep does to each kind of document.</summary>
public sealed class StockServices
{
    private readonly ReferenceCatalog catalog;
    private readonly CommandRunner runner;
    private readonly Orders orders;
    private readonly PurchaseOrders purchaseOrders;
    private readonly Action<IEndpointRouteBuilder>[] maps;
    private readonly Dictionary<string, Func<string, CancellationToken, Task<Plan?>>> sweeps;

    /// <param name="store">Null where there is none: the paths then answer 503.</param>
    /// <param name="settings">Settings.</param>
    /// <param name="catalog">The SKUs and locations that exist.</param>
    /// <param name="requireKnownIds">Whether a command may name only those.</param>
    /// <param name="time">The clock.</param>
    public StockServices(IStockStore? store, StockSettings settings, ReferenceCatalog catalog, bool requireKnownIds, TimeProvider time)
    {
        this.catalog = catalog;
        var options = settings.Stock;

        // Without a store no path gets as far as to use it.
        var kept = Store = store!;
        var check = new Check(options, catalog, requireKnownIds);
        var reader = new AtpReader(kept);
        runner = new CommandRunner(kept);
        var http = new CommandHttp(store, runner, time);
        Reservations = new Reservations(kept, reader, check, options);
        orders = new Orders(kept, reader, options);
        var transfers = new Transfers(kept, check, options);
        purchaseOrders = new PurchaseOrders(kept, check, options, settings.Receiving);
        var plans = new CountPlans(kept, check, options, settings.Counts);
        Counts = new Counts(kept, reader, plans, check, sku => catalog.Sku(sku)?.UnitCost);
        var shrinkage = new Shrinkage(kept, Counts, options, time);
        var allocation = new AllocationEndpoint(settings.Allocation, reader.AvailableEverywhereAsync, (ids, _) => Task.FromResult(AllocationEndpoint.SitesOf(catalog, ids)));
        maps =
        [
            new AtpEndpoints(http, reader, check, options).Map,
            new AtpStream(http, reader, options, time).Map,
            routes => ReservationEndpoints.Map(routes, http, Reservations),
            routes => TransferEndpoints.Map(routes, http, transfers),
            routes => PurchaseOrderEndpoints.Map(routes, http, purchaseOrders),
            routes => CountEndpoints.Map(routes, http, plans, Counts, shrinkage),
            routes => AdjustmentEndpoints.Map(routes, http, new Adjustments(check, options)),
            routes => allocation.Map(routes, http),
            routes => http.MapList(routes, "/v1/orders", orders.Documents, [Orders.StateFilter]),
            routes => http.MapDocument(routes, "/v1/orders/{id}", orders.Documents),
        ];
        sweeps = new(StringComparer.Ordinal)
        {
            [Stock.Reservations.Kind] = Reservations.SweepAsync,
            [Orders.Kind] = orders.SweepAsync,
            [Transfers.Kind] = transfers.SweepAsync,
            [PurchaseOrders.Kind] = purchaseOrders.SweepAsync,
            [plans.Documents.Kind] = plans.SweepAsync,
            [Counts.Documents.Kind] = Counts.SweepAsync,
        };
    }

    internal IStockStore Store { get; }

    internal Reservations Reservations { get; }

    internal Counts Counts { get; }

    public void Map(IEndpointRouteBuilder routes) => Array.ForEach(maps, map => map(routes));

    /// <summary>Applies an order's event; one that comes again changes nothing.</summary>
    /// <exception cref="StoreUnavailableException">It could not be applied now; apply it again.</exception>
    public Task ApplyAsync(OrderFact fact, CancellationToken token) => RunAsync("order", stop => orders.ApplyAsync(fact, stop), token);

    /// <summary>Takes over what the stream tells of a purchase order; what comes again changes nothing.</summary>
    /// <exception cref="StoreUnavailableException">It could not be applied now; apply it again.</exception>
    public Task ApplyAsync(InboundFact fact, CancellationToken token) => RunAsync("inbound", stop => purchaseOrders.ApplyAsync(fact, stop), token);

    /// <summary>Does what is due for a document.</summary>
    /// <exception cref="StoreUnavailableException">Not now; it stays due.</exception>
    public async Task SweepAsync(string kind, string id, CancellationToken token)
    {
        if (sweeps.TryGetValue(kind, out var sweep))
        {
            await runner.RunAsync("sweep-" + kind, null, "",
                async stop => await sweep(id, stop).ConfigureAwait(false) ?? new Plan(new StockTransaction(), 200, []) { IsVoid = true }, token).ConfigureAwait(false);
        }
    }

    /// <summary>A, B or C; null where the SKU has no class.</summary>
    internal string? AbcClass(string skuId) => catalog.Sku(skuId)?.AbcClass?.ToString();

    /// <summary>A command of a person in the console.</summary>
    /// <returns>Null when done, else what is wrong.</returns>
    internal async Task<string?> RunForPersonAsync(string command, Func<CancellationToken, Task<Plan>> plan, CancellationToken token) =>
        await runner.RunAsync(command, null, "", plan, token).ConfigureAwait(false) is { IsRefused: true } refused ? refused.Detail : null;

    // A fact is applied however often others come between.
    private async Task RunAsync(string command, Func<CancellationToken, Task<Plan>> plan, CancellationToken token)
    {
        var result = await runner.RunAsync(command, null, "", plan, token).ConfigureAwait(false);
        if (result.IsRefused)
        {
            throw new StoreUnavailableException($"{command}: {result.Detail}");
        }
    }
}

/// <summary>The settings of the commands on stock.</summary>
public sealed record StockSettings(StockOptions Stock, ReceivingOptions Receiving, CountOptions Counts, AllocationOptions Allocation)
{
    public StockSettings()
        : this(new StockOptions(), new ReceivingOptions(), new CountOptions(), new AllocationOptions())
    {
    }
}
