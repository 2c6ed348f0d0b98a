using System.Text;
using Confluent.Kafka;
using Stockflow.History;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

[Collection(PipelineCollection.Name)]
public sealed class VersionedReferenceTests(SharedClickHouse clickHouse)
{
    private const string Promotions = "reference.promotion", Calendar = "reference.calendar";
    private static readonly DateTimeOffset March = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Every_version_of_a_promotion_is_kept_and_a_bad_one_is_a_dead_letter_that_delays_nothing()
    {
        await using var servers = await PipelineServers.StartAsync(clickHouse);
        using var producer = Wire.Producer(servers.Kafka.Bootstrap);
        await producer.AnnounceLocationAsync("L1");
        await producer.AnnounceSkuAsync("A");
        await PromoteAsync("P1", known: March, starts: March.AddDays(9), ends: March.AddDays(16), ["A"]);
        var wrong = await PromoteAsync("P2", known: March, starts: March.AddDays(9), ends: March.AddDays(9), []);
        await PromoteAsync("P1", known: March.AddDays(5), starts: March.AddDays(11), ends: March.AddDays(16), ["A", "B"]);
        await PromoteAsync("P3", known: March.AddDays(6), starts: March.AddDays(1), ends: March.AddDays(30), []);
        await producer.ProduceAsync(Promotions, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes("P4"), Value = [0, 0, 0, 0, 99, 1] });
        await producer.ProduceAsync(Promotions, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes("P5"), Value = [7] });
        await DayAsync("2026-03-01", 9);
        await DayAsync("2026-03-02", 99);
        await DayAsync("2026-03-03", 10);

        using var client = servers.ClickHouseClient();
        long[] ends;
        await using (var processor = await servers.StartProcessorAsync())
        {
            ends = new long[PipelineServers.Partitions];
            var moved = await producer.MoveAsync("A", "L1", "one", 5);
            ends[moved.Partition.Value] = moved.Offset.Value + 1;
            Assert.Equal(1, (await processor.WaitForEndAsync(ends)).Totals.Accepted);
            await processor.WaitUntilAsync(status => status.DeadLetterReasons.Values.Sum() == 4);
            await WaitForRowsAsync(client, 3, 2);
            Assert.Equal(0, await processor.StopAsync());
        }

        Assert.Equal(["P1", "P3"], await RunningAsync(client, at: March.AddDays(12), knownAt: March.AddDays(7)));
        Assert.Equal(["P1"], await RunningAsync(client, at: March.AddDays(10), knownAt: March.AddDays(4)));
        Assert.Empty(await RunningAsync(client, at: March.AddDays(10), knownAt: March.AddDays(5)));
        Assert.Empty(await RunningAsync(client, at: March.AddDays(10), knownAt: March.AddDays(-1)));
        Assert.Equal(2, await client.QueryScalarAsync<long>("SELECT count() FROM calendar_versions WHERE fiscal_week IN (9, 10)"));

        // A deletion is a version too. The records that were read are not read again.
        await producer.ProduceAsync(Promotions, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes("P3"), Value = null! });
        await DayAsync("2026-03-04", 10);
        await using (var processor = await servers.StartProcessorAsync())
        {
            await WaitForRowsAsync(client, 4, 3);
            Assert.Equal(0, await processor.StopAsync());
        }

        Assert.Equal(["P1"], await RunningAsync(client, at: March.AddDays(12), knownAt: DateTimeOffset.UtcNow.AddHours(1)));
        var letters = servers.ReadAll(PipelineServers.DeadLetterTopic, 2);
        Assert.Equal(
            ["quantity_range 2026-03-02", "unknown_schema P4", "validity P2", "wire_format P5"],
            letters.Select(letter => $"{Header(letter, "dlq.reason")} {Encoding.UTF8.GetString(letter.Message.Key!)}").Order(StringComparer.Ordinal));
        var validity = letters.Single(letter => Header(letter, "dlq.reason") == "validity");
        Assert.Equal($"ends_at 2026-03-10 00:00:00.000 is not after starts_at 2026-03-10 00:00:00.000; correct the promotion and send it again.", Header(validity, "dlq.message"));
        Assert.Equal(wrong.TopicPartitionOffset,
            new TopicPartitionOffset(Header(validity, "dlq.topic"), int.Parse(Header(validity, "dlq.partition"), null), long.Parse(Header(validity, "dlq.offset"), null)));
        Assert.Equal(wrong.Message.Value, validity.Message.Value);

        Task<DeliveryResult<byte[], byte[]>> PromoteAsync(string id, DateTimeOffset known, DateTimeOffset starts, DateTimeOffset ends, List<object?> skus) =>
            producer.SendAsync(Promotions, id, "Promotion", new()
            {
                ["promo_id"] = id,
                ["name"] = "ten off",
                ["starts_at"] = starts,
                ["ends_at"] = ends,
                ["sku_ids"] = skus,
                ["discount_percent"] = 10.0,
                ["updated_at"] = known,
            });

        Task<DeliveryResult<byte[], byte[]>> DayAsync(string day, int week) => producer.SendAsync(Calendar, day, "CalendarDay", new()
        {
            ["day"] = DateOnly.Parse(day, null),
            ["fiscal_year"] = 2026,
            ["fiscal_week"] = week,
            ["fiscal_period"] = 2,
            ["updated_at"] = March,
        });
    }

    private static string Header(ConsumeResult<byte[]?, byte[]?> letter, string name) => Encoding.UTF8.GetString(letter.Message.Headers.GetLastBytes(name));

    private static async Task<List<string>> RunningAsync(ClickHouseClient client, DateTimeOffset at, DateTimeOffset knownAt)
    {
        var running = new List<string>();
        await foreach (var row in client.QueryAsync("SELECT promo_id FROM promotions_as_of(at = {at:DateTime64(3, 'UTC')}, known_at = {known_at:DateTime64(3, 'UTC')}) ORDER BY promo_id",
            new Dictionary<string, object?> { ["at"] = at, ["known_at"] = knownAt }))
        {
            running.Add(row.Get<string>(0)!);
        }

        return running;
    }

    private static async Task WaitForRowsAsync(ClickHouseClient client, long promotions, long days)
    {
        using var bound = new CancellationTokenSource(Fixtures.ProcessorProcess.Patience);
        while (await client.QueryScalarAsync<long>("SELECT (SELECT count() FROM promotions FINAL) = {promotions:Int64} AND (SELECT count() FROM calendar FINAL) = {days:Int64}",
            new Dictionary<string, object?> { ["promotions"] = promotions, ["days"] = days }, bound.Token) == 0)
        {
            await Task.Delay(100, bound.Token);
        }
    }
}
