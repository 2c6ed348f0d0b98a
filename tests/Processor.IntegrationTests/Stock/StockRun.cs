using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.IntegrationTests.Stock;

/// <summary>What the API answered.</summary>
internal sealed record StockAnswer(int Status, JsonNode Body)
{
    public string? Code => (string?)Body["code"];
}

/// <summary>A processor with its servers, to which commands are sent. It may be killed and started again; commands go to the one that lives.</summary>
internal sealed class StockRun : IAsyncDisposable
{
    private static readonly HttpClient Http = new(new ConnectFailureHandler(new SocketsHttpHandler { MaxConnectionsPerServer = 64 })) { Timeout = TimeSpan.FromSeconds(20) };
    private readonly string[] flags;
    private volatile ProcessorProcess processor;
    private int turn;

    private StockRun(PipelineServers servers, ProcessorProcess processor, string[] flags)
    {
        (Servers, this.processor, this.flags) = (servers, processor, flags);
        Producer = Wire.Producer(servers.Kafka.Bootstrap);
    }

    public PipelineServers Servers { get; }

    public ProcessorProcess Processor => processor;

    public IProducer<byte[], byte[]> Producer { get; }

    /// <summary>A second processor, which gets every other request while it is there.</summary>
    public ProcessorProcess? Second { get; set; }

    private Uri Address => Second is { } second && Interlocked.Increment(ref turn) % 2 == 0 ? second.Address : processor.Address;

    public static async Task<StockRun> StartAsync(SharedClickHouse clickHouse, params string[] flags)
    {
        var servers = await PipelineServers.StartAsync(clickHouse, moreTopics: ",orders:2,purchase-orders:2");
        return new StockRun(servers, await servers.StartProcessorAsync(flags), flags);
    }

    /// <summary>Kills the processor and starts another.</summary>
    public async Task KillAsync()
    {
        processor.Kill();
        await processor.DisposeAsync();
        processor = await Servers.StartProcessorAsync(flags);
    }

    /// <summary>Receives stock from the stream and waits until it can be promised.</summary>
    public async Task StockAsync(string sku, string location, long units)
    {
        await Producer.AnnounceLocationAsync(location);
        await Producer.AnnounceSkuAsync(sku);
        await Producer.MoveAsync(sku, location, $"stock-{sku}-{location}", units);
        await WaitForAsync($"/v1/atp/{sku}/{location}", body => (long?)body["on_hand"] == units);
    }

    public Task<StockAnswer> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri(Address, path)));

    /// <summary>Sends a command once.</summary>
    public Task<StockAnswer> PostAsync(string path, string body, string? key = null, string method = "POST")
    {
        var request = new HttpRequestMessage(new HttpMethod(method), new Uri(Address, path)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key ?? Guid.NewGuid().ToString("N"));
        return SendAsync(request);
    }

    /// <summary>Sends a command until it is answered, as a caller does whose connection broke: with the same key.</summary>
    public async Task<StockAnswer> InsistAsync(string path, string body, string key)
    {
        for (var i = 0; i < 600; i++)
        {
            try
            {
                var answer = await PostAsync(path, body, key);
                if (answer.Status != 503)
                {
                    return answer;
                }
            }
            catch (Exception e) when (e is HttpRequestException or InvalidOperationException or TaskCanceledException)
            {
                // It was killed, or is not up again.
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"No answer to {path} {body}");
    }

    /// <summary>Waits until a path's answer is as wished.</summary>
    public async Task<JsonNode> WaitForAsync(string path, Func<JsonNode, bool> condition)
    {
        StockAnswer? last = null;
        await processor.WaitUntilAsync(async () => (last = await GetAsync(path)).Status == 200 && condition(last.Body), () => $"{path} is not as wished: {last?.Status} {last?.Body}");
        return last!.Body;
    }

    /// <summary>Waits until all that the commands did is in Kafka, the positions and the ledger.</summary>
    public async Task SettleAsync()
    {
        await using var store = Store();
        await processor.WaitUntilAsync(async () => (await store.OutboxesAsync(default)).Count == 0, () => "The outbox is not empty.");
        var log = Servers.ReadAll(PipelineServers.Topic, PipelineServers.Partitions).ToLookup(record => record.Partition.Value);
        await processor.WaitForEndAsync([.. Enumerable.Range(0, PipelineServers.Partitions).Select(p => log[p].Select(record => record.Offset.Value + 1).DefaultIfEmpty().Max())]);
    }

    public RedisStockStore Store() => new(Servers.Redis.Positions, PipelineServers.Topic);

    /// <summary>The position as the lane wrote it, without what only commands know.</summary>
    public async Task<PositionState> PositionAsync(string sku, string location)
    {
        await using var store = new RedisPositionStore(Servers.Redis.Positions, TimeProvider.System);
        return (await store.GetAsync(sku, location, default))!.Value.State;
    }

    /// <summary>Movements of a SKU in the ledger: type, reference, quantity.</summary>
    public async Task<IReadOnlyList<(string Type, string Reservation, string EventId, long Quantity)>> LedgerAsync(string sku)
    {
        using var client = Servers.ClickHouseClient();
        var rows = new List<(string, string, string, long)>();
        await foreach (var row in client.QueryAsync($"SELECT movement_type, attributes['reservation'], event_id, qty_delta FROM ledger_current WHERE sku_id = '{sku}' ORDER BY offset"))
        {
            rows.Add((row.Get<string>(0)!, row.Get<string>(1)!, row.Get<string>(2)!, row.Get<long>(3)));
        }

        return rows;
    }

    public static string Reserve(string sku, string location, long quantity, string more = "") =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"reference":{"type":"order","id":"O-1"},"lines":[{"sku_id":"{{sku}}","location_id":"{{location}}","quantity":{{quantity}}}]{{more}}}""");

    public async ValueTask DisposeAsync()
    {
        Producer.Dispose();
        await processor.DisposeAsync();
        await Servers.DisposeAsync();
    }

    private static async Task<StockAnswer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await Http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return new StockAnswer((int)response.StatusCode, text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!);
        }
    }
}
