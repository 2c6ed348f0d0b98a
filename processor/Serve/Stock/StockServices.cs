using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>The commands on stock, put together: their paths, and what a sweep does to each kind of document.</summary>
public sealed class StockServices
{
    private readonly CommandRunner runner;
    private readonly CommandHttp http;
    private readonly Orders orders;
    private readonly AtpEndpoints atp;
    private readonly AtpStream stream;
    private readonly Dictionary<string, Func<string, CancellationToken, Task<Plan?>>> sweeps;

    /// <param name="store">Null where there is none: the paths then answer 503.</param>
    /// <param name="options">Settings.</param>
    /// <param name="catalog">The SKUs and locations that exist.</param>
    /// <param name="requireKnownIds">Whether a command may name only those.</param>
    /// <param name="time">The clock.</param>
    public StockServices(IStockStore? store, StockOptions options, ReferenceCatalog catalog, bool requireKnownIds, TimeProvider time)
    {
        // Without a store no path gets as far as to use it.
        var kept = Store = store!;
        var check = new Check(options, catalog, requireKnownIds);
        var reader = new AtpReader(kept);
        runner = new CommandRunner(kept);
        http = new CommandHttp(store, runner, time);
        Reservations = new Reservations(kept, reader, check, options);
        orders = new Orders(kept, reader, options);
        atp = new AtpEndpoints(http, reader, check, options);
        stream = new AtpStream(http, reader, options, time);
        sweeps = new(StringComparer.Ordinal) { [Stock.Reservations.Kind] = Reservations.SweepAsync, [Orders.Kind] = orders.SweepAsync };
    }

    internal IStockStore Store { get; }

    internal Reservations Reservations { get; }

    public void Map(IEndpointRouteBuilder routes)
    {
        atp.Map(routes);
        stream.Map(routes);
        ReservationEndpoints.Map(routes, http, Reservations);
        http.MapList(routes, "/v1/orders", orders.Documents, [Orders.StateFilter]);
        http.MapDocument(routes, "/v1/orders/{id}", orders.Documents);
    }

    /// <summary>Applies an order's event; one that comes again changes nothing.</summary>
    /// <exception cref="StoreUnavailableException">It could not be applied now; apply it again.</exception>
    public Task ApplyAsync(OrderFact fact, CancellationToken token) => RunAsync("order", stop => orders.ApplyAsync(fact, stop), token);

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
