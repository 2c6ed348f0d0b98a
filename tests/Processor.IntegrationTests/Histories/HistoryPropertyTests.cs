using System.Globalization;
using System.Text;
using System.Text.Json;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>
/// Random histories in three orders of arrival, with duplicates and with processors that die, all end where SQL over the raw events ends, in DuckDB.
/// A failing case names its SKU: <see cref="RandomHistory.Make"/> with <see cref="Seed"/> and the SKU's number makes it again.
/// </summary>
[Collection(PipelineCollection.Name)]
public sealed class HistoryPropertyTests(SharedClickHouse clickHouse)
{
    private const int Seed = 20_261_121, Cases = 700;
    private static readonly CatalogSchema Catalog = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(s => s.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal));
    private static readonly AvroSchema Schema = AvroSchema.Parse(Catalog.Text);
    private static readonly long EndTs = new DateTimeOffset(DateTime.UtcNow.Date.AddHours(-1), TimeSpan.Zero).ToUnixTimeMilliseconds();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Every_order_of_arrival_and_every_crash_ends_in_the_same_positions(int order)
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        await SendAsync(servers, order);
        var ends = Ends(servers);
        if (order > 0)
        {
            // Somewhere in the middle, with settlements under way.
            var doomed = await servers.StartProcessorAsync("--kafka.batch-records", "256");
            await doomed.WaitForAppliedAsync(ends.Sum() / (1 + order));
            doomed.Kill();
            await doomed.DisposeAsync();
        }

        await using var processor = await servers.StartProcessorAsync();
        await processor.WaitForEndAsync(ends);
        Assert.Equal(Positions((await AskOracleAsync(order)).GetProperty("positions")), await PositionsAsync(servers));
        Assert.Equal(0, await processor.StopAsync());
    }

    private static List<RawEvent> Events(int order) => [.. Numbers(order).SelectMany(number => RandomHistory.Make(Seed, number, EndTs))];

    // Other cases in each order.
    private static IEnumerable<int> Numbers(int order) => Enumerable.Range(order * Cases, Cases);

    private static async Task SendAsync(PipelineServers servers, int order)
    {
        var events = Events(order);
        var random = new Random(Seed + order);
        events.AddRange([.. events.Where(_ => random.Next(10) == 0)]);
        if (order == 1)
        {
            events.Reverse();
        }
        else if (order == 2)
        {
            random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(events));
        }

        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        foreach (var location in RandomHistory.Places)
        {
            await producer.AnnounceLocationAsync(location);
        }

        await Task.WhenAll(Numbers(order).Select(number => producer.AnnounceSkuAsync(string.Create(CultureInfo.InvariantCulture, $"CASE-{number:00000}"))));
        foreach (var one in events)
        {
            producer.Produce(PipelineServers.Topic, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(one.Sku), Value = Encode(one) });
        }

        Assert.Equal(0, producer.Flush(TimeSpan.FromSeconds(60)));
    }

    private static byte[] Encode(RawEvent one)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, Catalog.Id);
        GenericWriter.Write(encoder, Schema, new Dictionary<string, object?>
        {
            ["event_id"] = one.EventId,
            ["event_ts"] = one.EventTs,
            ["ingest_ts"] = one.EventTs,
            ["sku_id"] = one.Sku,
            ["location_id"] = one.Location,
            ["movement_type"] = one.Type.Name(),
            ["qty_delta"] = one.Qty,
            ["counted_qty"] = one.Counted,
            ["source_system"] = "WMS",
            ["reference_id"] = one.Reference,
            ["unit_price"] = one.Price,
            ["currency"] = one.Price is null ? null : "GBP",
            ["promo_id"] = one.Promo,
            ["counterpart_location_id"] = one.Counterpart,
            ["corrects_event_id"] = one.Corrects,
            ["attributes"] = one.Discount == 0 ? [] : new Dictionary<string, object?> { ["discount"] = one.Discount.ToString(CultureInfo.InvariantCulture) },
        });
        return encoder.WrittenSpan.ToArray();
    }

    private static IReadOnlyList<long> Ends(PipelineServers servers)
    {
        var log = servers.ReadAll(PipelineServers.Topic, PipelineServers.Partitions);
        return [.. Enumerable.Range(0, PipelineServers.Partitions).Select(p => log.LongCount(record => record.Partition.Value == p))];
    }

    private static async Task<JsonElement> AskOracleAsync(int order)
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-histories-").FullName;
        try
        {
            var (events, result) = (Path.Combine(folder, "events.jsonl"), Path.Combine(folder, "result.json"));
            await File.WriteAllLinesAsync(events, Events(order).Select(one => JsonSerializer.Serialize(one.Json())));
            await NodePeer.RunAsync("history-oracle.js", events, result);
            return JsonDocument.Parse(await File.ReadAllTextAsync(result)).RootElement;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<string> Positions(JsonElement rows) =>
        [.. rows.EnumerateArray().Select(row => Line(Text(row, "sku_id"), Text(row, "location_id"), Number(row, "on_hand"), Number(row, "unsellable"), Number(row, "reserved"),
            Number(row, "in_transit_in"), Number(row, "in_transit_out"), Number(row, "last_count_ts"), Number(row, "last_count_qty"))).Order(StringComparer.Ordinal)];

    private static async Task<List<string>> PositionsAsync(PipelineServers servers)
    {
        await using var store = new RedisPositionStore(new PositionOptions { Connection = servers.Redis.Endpoint }, TimeProvider.System);
        var found = new List<string>();
        await foreach (var (sku, location, state) in store.ScanAsync(default))
        {
            found.Add(Line(sku, location, state.OnHand, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut, state.LastCountTs, state.LastCountQty));
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }

    private static string Line(string sku, string location, params long[] numbers) => $"{sku} {location} {string.Join(' ', numbers)}";

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;

    private static long Number(JsonElement row, string name) =>
        row.GetProperty(name) is { ValueKind: JsonValueKind.String } text ? long.Parse(text.GetString()!, CultureInfo.InvariantCulture) : row.GetProperty(name).GetInt64();
}
