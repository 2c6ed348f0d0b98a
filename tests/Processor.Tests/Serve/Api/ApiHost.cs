using Microsoft.Extensions.Logging;
using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Stockflow.Serve.Stock;
using Stockflow.Telemetry;
using Stockflow.Tests.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Api;

/// <summary>A server with stores in memory that fail on demand, and what happy requests need to be there.</summary>
internal sealed class ApiHost : IAsyncDisposable
{
    public const string Sku = "A", Location = "DC", Other = "S1", Key = "fuzz-key-0123456789";

    private HttpServer server = null!;
    private int ids;

    public MemoryStockStore Memory { get; } = new();

    public FaultyStore Store { get; private set; } = null!;

    public FaultyHistory History { get; private set; } = null!;

    public FaultyLetters DeadLetters { get; private set; } = null!;

    public FakePositions Positions { get; } = new();

    public FakeDeadLetters Letters { get; } = new();

    public StockServices Stock { get; private set; } = null!;

    public ProcessorStatus Status { get; } = new() { PositionsConnected = true, SourceConnected = true };

    public HttpClient Client { get; private set; } = null!;

    public ApiSpec Spec { get; private set; } = null!;

    public Uri Address => Client.BaseAddress!;

    public static async Task<ApiHost> OpenAsync(HttpOptions? options = null, bool withStock = true, StockOptions? stock = null, bool requireKnownIds = false)
    {
        var host = new ApiHost();
        await host.StartAsync(options ?? new HttpOptions("http://127.0.0.1:0"), withStock, stock ?? new StockOptions(), requireKnownIds);
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await server.DisposeAsync();
        await Store.DisposeAsync();
    }

    public string NewId(string prefix) => $"{prefix}{Interlocked.Increment(ref ids)}";

    public SpecOperation Operation(string id) => Spec.Operations.Single(operation => operation.Id == id);

    public Task<ApiAnswer> SendAsync(ApiRequest request) => request.SendAsync(Client, request.Operation.Id == "followAtp");

    /// <summary>A request for an operation that should succeed.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="sku">SKU that it is about.</param>
    /// <param name="isPrepared">Whether what it needs is made first; else its ids lead nowhere.</param>
    /// <param name="chance">Decides which optional members a body has.</param>
    public async Task<ApiRequest> HappyAsync(SpecOperation operation, string sku = Sku, bool isPrepared = true, Random? chance = null)
    {
        var request = new ApiRequest(operation) { Path = { ["sku"] = sku, ["location"] = Location, ["partition"] = "0", ["offset"] = "1", ["event_id"] = "e/1" } };
        if (operation.Path.Contains("{id}", StringComparison.Ordinal))
        {
            request.Path["id"] = isPrepared ? await PrepareAsync(operation, sku) : "none";
        }
        else if (isPrepared && operation.Id is "deleteCountPlan" or "getCountPlan")
        {
            request.Path["location"] = NewId("L");
            var made = await HappyAsync(Operation("putCountPlan"), sku);
            made.Path["location"] = request.Path["location"];
            await DoneAsync(made);
        }
        else if (operation.Id is "replayDeadLetter")
        {
            request.Path["offset"] = NewId("");
            Letters.Add(0, int.Parse(request.Path["offset"]), "why", null, [1]);
        }

        if (operation.NeedsIdempotencyKey)
        {
            request.WithNewKey();
        }

        if (operation.Body is { } schema)
        {
            // Where nothing is, so that a count always finds something else than the book has.
            var location = operation.Id == "createCount" ? NewId("L") : Location;
            request.SetBody(new Sampler(Spec.Requests, chance ?? new Random(1), sku, location, NewId).Sample(schema).ToJsonString());
        }

        if (operation.Id is "listLedger" or "followAtp")
        {
            request.Query.Add(("sku", sku));
        }

        return request;
    }

    /// <summary>Sends a request that has to succeed.</summary>
    public async Task<ApiAnswer> DoneAsync(ApiRequest request)
    {
        var answer = await SendAsync(request);
        Assert.True(answer.Status is 200 or 201, $"{request} -> {answer}");
        return answer;
    }

    /// <summary>Id of a document in the state that the operation wants.</summary>
    private async Task<string> PrepareAsync(SpecOperation operation, string sku)
    {
        async Task<string> MadeAsync(string id, string member) => (await DoneAsync(await HappyAsync(Operation(id), sku))).Json.GetProperty(member).GetString()!;
        async Task<string> AfterAsync(string id, string member, string change)
        {
            var made = await MadeAsync(id, member);
            var request = await HappyAsync(Operation(change), sku, isPrepared: false);
            request.Path["id"] = made;
            await DoneAsync(request);
            return made;
        }

        switch (operation.Id)
        {
            case "getOrder":
                return await OrderAsync(sku);
            case "receiveTransfer":
                return await AfterAsync("createTransfer", "transfer_id", "shipTransfer");
            case "approveCount" or "rejectCount":
                return await AfterAsync("createCount", "count_id", "enterCount");
            case var id when id.EndsWith("Reservation", StringComparison.Ordinal):
                return await MadeAsync("createReservation", "reservation_id");
            case var id when id.EndsWith("Transfer", StringComparison.Ordinal):
                return await MadeAsync("createTransfer", "transfer_id");
            case var id when id.EndsWith("PurchaseOrder", StringComparison.Ordinal):
                return await MadeAsync("createPurchaseOrder", "po_id");
            default:
                return await MadeAsync("createCount", "count_id");
        }
    }

    private async Task<string> OrderAsync(string sku)
    {
        var id = NewId("order");
        await Stock.ApplyAsync(new OrderFact("e-" + id, Memory.NowTs, Memory.NowTs, id, OrderEventType.Placed, "SHOP", "GBP", "c", [new OrderFactLine("1", sku, Location, 2, 100, null)]), CancellationToken.None);
        return id;
    }

    private async Task StartAsync(HttpOptions options, bool withStock, StockOptions settings, bool requireKnownIds)
    {
        foreach (var sku in new[] { Sku, "B" })
        {
            Memory.Put(sku, Location, 1_000_000_000_000);
            Positions.Put(sku, Location, new PositionState { OnHand = 5, Version = 3, LastEventTs = Memory.NowTs });
        }

        var catalog = new ReferenceCatalog();
        catalog.PutLocation(Location, new LocationDetails(LocationKind.DistributionCentre, new GeoPoint(52.5, 13.4)));
        Letters.Add(0, 1, "why", null, [1, 2]);
        ids = 1;
        var history = new FakeHistory();
        history.Entries.AddRange(Enumerable.Range(1, 3).Select(offset => new LedgerEntry
        {
            Topic = "t",
            Partition = 1,
            Offset = 4 - offset,
            EventId = $"e{offset}",
            EventTs = Memory.NowTs,
            RecordedTs = Memory.NowTs,
            SkuId = Sku,
            LocationId = Location,
            CounterpartId = "",
            MovementType = "SALE",
            Quantity = -1,
            UnitPrice = 9.99m,
            Currency = "GBP",
            SourceSystem = "POS",
            ReferenceId = "r",
            Stocked = true,
        }));
        Status.Lanes[0] = new LaneStatus { Topic = "t", Partition = 0, Read = 5 };
        (Store, History, DeadLetters) = (new FaultyStore(Memory), new FaultyHistory(history), new FaultyLetters(Letters));
        var time = new StoreTime(Memory);
        Stock = new StockServices(withStock ? Store : null, new StockSettings() with { Stock = settings }, catalog, requireKnownIds, time);
        server = HttpServer.Build(options, Positions, Status, TimeProvider.System, new LogOptions(Level: LogLevel.None), History, Stock, new ConsoleServices { DeadLetters = DeadLetters });
        await server.StartAsync(CancellationToken.None);

        // Header values beyond ASCII go out as UTF-8, as browsers and curl send them.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.UTF8 };
        Client = new HttpClient(handler) { BaseAddress = new Uri(server.Addresses.Single()), Timeout = TimeSpan.FromSeconds(60) };
        using var asked = new HttpRequestMessage(HttpMethod.Get, "/v1/openapi.json");
        asked.Headers.Authorization = new("Bearer", Key);
        using var answer = await Client.SendAsync(asked);
        Spec = new ApiSpec(await answer.Content.ReadAsStringAsync());
    }
}
