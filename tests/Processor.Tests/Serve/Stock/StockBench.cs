using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

/// <summary>The planners on a store in memory, driven as the HTTP API drives them.</summary>
internal sealed class StockBench
{
    private readonly CommandRunner runner;
    private int keys;

    public StockBench(StockOptions? options = null, CountOptions? counting = null)
    {
        Options = options ?? new StockOptions();
        var check = new Check(Options, new ReferenceCatalog(), requireKnownIds: false);
        runner = new CommandRunner(Store);
        Transfers = new Transfers(Store, check, Options);
        Orders = new PurchaseOrders(Store, check, Options, new ReceivingOptions());
        Plans = new CountPlans(Store, check, Options, counting ?? new CountOptions());
        Counts = new Counts(Store, new AtpReader(Store), Plans, check, sku => Costs.TryGetValue(sku, out var cost) ? cost : null);
        Adjustments = new Adjustments(check, Options);
    }

    public MemoryStockStore Store { get; } = new();

    public StockOptions Options { get; }

    public Transfers Transfers { get; }

    public PurchaseOrders Orders { get; }

    public CountPlans Plans { get; }

    public Counts Counts { get; }

    public Adjustments Adjustments { get; }

    /// <summary>Ten-thousandths by SKU.</summary>
    public Dictionary<string, long> Costs { get; } = [];

    public CommandRunner Runner => runner;

    public Task<CommandResult> TryAsync<T>(Func<CommandRequest<T>, CancellationToken, Task<Plan>> plan, T body, string id = "", string caller = "anna", string? key = null, string? ifMatch = null)
    {
        var context = new DefaultHttpContext();
        if (ifMatch is not null)
        {
            context.Request.Headers.IfMatch = ifMatch;
        }

        key ??= $"key-{++keys}";
        return runner.RunAsync("test", caller + ":" + key, $"{id} {JsonSerializer.Serialize(body)}", token => plan(new CommandRequest<T>(context, body, id, caller, Store.NowTs), token), CancellationToken.None);
    }

    /// <summary>A command that has to succeed.</summary>
    public async Task<CommandResult> DoAsync<T>(Func<CommandRequest<T>, CancellationToken, Task<Plan>> plan, T body, string id = "", string caller = "anna")
    {
        var result = await TryAsync(plan, body, id, caller);
        Assert.True(!result.IsRefused, $"{result.Code}: {result.Detail}");
        return result;
    }

    /// <summary>A command that has to be refused, with a word of the message.</summary>
    public async Task RefusedAsync<T>(int status, string code, string word, Func<CommandRequest<T>, CancellationToken, Task<Plan>> plan, T body, string id = "", string caller = "anna")
    {
        var moves = Store.Moves.Count;
        var result = await TryAsync(plan, body, id, caller);
        Assert.Equal((status, code), (result.Status, result.Code));
        Assert.Contains(word, result.Detail, StringComparison.Ordinal);
        Assert.Equal(moves, Store.Moves.Count);
    }

    public Task<CommandResult> RunAsync(Func<CancellationToken, Task<Plan>> plan) => runner.RunAsync("test", null, "", plan, CancellationToken.None);

    public Task<CommandResult> ApplyAsync(InboundFact fact) => runner.RunAsync("test", "po:" + fact.EventId, "", token => Orders.ApplyAsync(fact, token), CancellationToken.None);

    /// <summary>Sweeps what is due until nothing is.</summary>
    public async Task SweepAsync()
    {
        for (var round = 0; ; round++)
        {
            Assert.True(round < 100, "A sweep leaves what is due as it is.");
            var due = await Store.DueAsync(100, CancellationToken.None);
            if (due.Count == 0)
            {
                return;
            }

            foreach (var (kind, id) in due)
            {
                Func<string, CancellationToken, Task<Plan?>> sweep = kind switch
                {
                    Transfers.Kind => Transfers.SweepAsync,
                    PurchaseOrders.Kind => Orders.SweepAsync,
                    CountPlans.Kind => Plans.SweepAsync,
                    _ => Counts.SweepAsync,
                };
                if (await sweep(id, CancellationToken.None) is { } plan)
                {
                    Assert.False((await RunAsync(_ => Task.FromResult(plan))).IsRefused);
                }
            }
        }
    }

    public async Task<T> GetAsync<T>(DocumentKind<T> kind, string id)
        where T : class => (await kind.GetAsync(Store, id, CancellationToken.None)).Value;

    public async Task<string[]> IdsAsync<T>(DocumentKind<T> kind, string list, Func<T, string> id)
        where T : class => [.. (await kind.ListAsync(Store, list, null, 100, CancellationToken.None)).Items.Select(item => id(item.Value))];

    /// <summary>On-hand, unsellable, reserved, in transit in and out.</summary>
    public (long OnHand, long Unsellable, long Reserved, long In, long Out) At(string sku, string location)
    {
        var state = Store.State(sku, location).State;
        return (state.OnHand, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut);
    }

    public long Available(string sku, string location) => Store.State(sku, location).Available;

    public void Pass(TimeSpan time) => Store.NowTs += (long)time.TotalMilliseconds;
}
