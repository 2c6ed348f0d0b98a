using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Kafka;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Stockflow.Telemetry;
using Stockflow.Tests.Serve;
using Xunit;

namespace Stockflow.IntegrationTests.Serve;

/// <summary>Dead letters of a Kafka listener, read in pages and sent again.</summary>
public sealed class DeadLetterServiceTests(Chromium chromium) : IClassFixture<Chromium>
{
    private const string Topic = "inventory.dead-letters", Movements = "inventory.movements";

    [Fact]
    public async Task Pages_hold_every_letter_once_the_latest_first()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync($"{Topic}:3,{Movements}:4");
        var expected = new List<string>();
        for (var i = 0; i < 23; i++)
        {
            expected.Insert(0, await ProduceAsync(kafka.Bootstrap, i, $"sku-{i}", [0, 1, (byte)i]));
        }

        using var service = Service(kafka, new MemoryReplayMarks());
        var found = new List<string>();
        IReadOnlyDictionary<int, long>? before = null;
        do
        {
            var page = await service.ListAsync(before, 5, CancellationToken.None);
            Assert.InRange(page.Letters.Count, 1, 5);
            found.AddRange(page.Letters.Select(letter => $"{letter.Partition}:{letter.Offset}"));
            before = page.Next;
        }
        while (before is not null);
        Assert.Equal(expected, found);

        // What arrives meanwhile is on the first page alone.
        var first = await service.ListAsync(null, 5, CancellationToken.None);
        await ProduceAsync(kafka.Bootstrap, 99, "sku-99", [9]);
        Assert.Equal(expected[5..10], (await service.ListAsync(first.Next, 5, CancellationToken.None)).Letters.Select(letter => $"{letter.Partition}:{letter.Offset}"));
        Assert.Equal("sku-99", (await service.ListAsync(null, 5, CancellationToken.None)).Letters[0].Key);
    }

    [Fact]
    public async Task A_letter_is_replayed_in_the_browser_once_byte_for_byte()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync($"{Topic}:1,{Movements}:4");
        byte[] value = [0, 0, 0, 0, 99, 1, 2, 0xff];
        await ProduceAsync(kafka.Bootstrap, 1, "sku-1", value);
        using var service = Service(kafka, new MemoryReplayMarks());
        await using var server = HttpServer.Build(new HttpOptions("http://127.0.0.1:0"), new FakePositions(), new ProcessorStatus(), TimeProvider.System,
            new LogOptions(Level: LogLevel.None), null, console: new ConsoleServices { DeadLetters = service });
        await server.StartAsync(CancellationToken.None);
        await using var visitor = await chromium.VisitAsync(new Uri(server.Addresses.Single()));
        var page = visitor.Page;
        await page.GotoAsync("/console/dead-letters");
        await page.GetByText("8 bytes").ClickAsync();
        await Assertions.Expect(page.Locator("details pre")).ToContainTextAsync("00 00 00 00 63 01 02 ff");
        await visitor.ScreenshotAsync("replay-list");
        await page.GetByRole(AriaRole.Button, new() { Name = "Replay 0:0" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("The record was sent again.");
        await Assertions.Expect(page.Locator("pre").First).ToContainTextAsync("there is no schema 99");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Replay" })).ToHaveCountAsync(0);
        await visitor.ScreenshotAsync("replay-done");
        await page.GotoAsync("/console/dead-letters");
        await Assertions.Expect(page.GetByRole(AriaRole.Row, new() { Name = "0:0" })).ToContainTextAsync("by console");
        Assert.Empty(visitor.Complaints);

        // Another press, by the API, sends nothing more.
        using var client = new HttpClient { BaseAddress = new Uri(server.Addresses.Single()) };
        client.DefaultRequestHeaders.Add("Idempotency-Key", "mine");
        using var again = await client.PostAsync(new Uri("/v1/dead-letters/0/0/replay", UriKind.Relative), null);
        Assert.Contains("\"by\":\"console\"", await again.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await ProduceAsync(kafka.Bootstrap, 2, "sku-2", [7]);
        await service.ReplayAsync(0, 1, "k", "test", CancellationToken.None);
        var sent = await RecordsAsync(kafka.Bootstrap, 2);
        Assert.Equal(["sku-1", "sku-2"], sent.Select(record => record.Message.Key).Order(StringComparer.Ordinal));
        var replayed = sent.Single(record => record.Message.Key == "sku-1");
        Assert.Equal(value, replayed.Message.Value);
        Assert.Equal(["trace"], replayed.Message.Headers.Select(header => header.Key));
    }

    [Fact]
    public async Task Of_many_presses_at_once_one_sends_and_every_process_sees_the_mark()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync($"{Topic}:1,{Movements}:1");
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var marks = new RedisReplayMarks(options);
        await using var others = new RedisReplayMarks(options);
        using var service = Service(kafka, marks);
        using var other = Service(kafka, others);
        await ProduceAsync(kafka.Bootstrap, 1, "sku-1", [1]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? service : other).ReplayAsync(0, 0, $"k{i}", "a|b", CancellationToken.None)));
        Assert.Single(answers, answer => answer.Outcome == ReplayOutcome.Sent);
        Assert.Equal(7, answers.Count(answer => answer.Outcome == ReplayOutcome.AlreadySent));
        var seen = (await other.FindAsync(0, 0, CancellationToken.None))!.Summary.Replay!;
        Assert.Equal(("a|b", true), (seen.By, seen.IsSent));
        Assert.Single(await RecordsAsync(kafka.Bootstrap, 1));
    }

    [Fact]
    public async Task What_could_not_be_sent_may_be_sent_later()
    {
        await using var kafka = await KafkaListenerProcess.StartAsync($"{Topic}:1,{Movements}:1");
        await ProduceAsync(kafka.Bootstrap, 1, "sku-1", [1]);
        var clock = new Clock();
        var marks = new MemoryReplayMarks();
        using var service = Service(kafka, marks, clock);
        var timestamp = (await service.FindAsync(0, 0, CancellationToken.None))!.Summary;
        Assert.Null(timestamp.Replay);
        Assert.Equal(ReplayOutcome.NotFound, (await service.ReplayAsync(0, 5, "k", "me", CancellationToken.None)).Outcome);

        // A mark that a process left when it died between the decision and the acknowledgement.
        var name = await NameAsync(kafka.Bootstrap);
        await marks.SetAsync(name, new ReplayMark(clock.GetUtcNow().ToUnixTimeMilliseconds(), IsSent: false, "k", "dead"), CancellationToken.None);
        Assert.Equal(ReplayOutcome.AlreadySent, (await service.ReplayAsync(0, 0, "k", "me", CancellationToken.None)).Outcome);
        clock.Now = clock.Now.AddMinutes(3);
        Assert.Equal(ReplayOutcome.Sent, (await service.ReplayAsync(0, 0, "k", "me", CancellationToken.None)).Outcome);

        using var elsewhere = new DeadLetterService(new DeadLetterTopic(new ClientConfig { BootstrapServers = kafka.Bootstrap }, "no-such-topic"),
            new FolderSchemaSource(SchemaCatalog.DefaultFolder), marks, clock);
        Assert.Empty((await elsewhere.ListAsync(null, 5, CancellationToken.None)).Letters);
        Assert.Null(await elsewhere.FindAsync(0, 0, CancellationToken.None));
    }

    private static DeadLetterService Service(KafkaListenerProcess kafka, IReplayMarks marks, TimeProvider? time = null) => new(
        new DeadLetterTopic(new ClientConfig { BootstrapServers = kafka.Bootstrap }, Topic), new FolderSchemaSource(SchemaCatalog.DefaultFolder), marks, time ?? TimeProvider.System);

    private static async Task<string> NameAsync(string bootstrap)
    {
        using var consumer = KafkaClients.Consumer(bootstrap, "name").Build();
        consumer.Assign(new TopicPartitionOffset(Topic, 0, Offset.Beginning));
        var record = await Task.Run(() => KafkaClients.Read(consumer, 1).Single());
        return $"{Topic}:0:0:{record.Message.Timestamp.UnixTimestampMs}";
    }

    private static async Task<string> ProduceAsync(string bootstrap, int second, string key, byte[] value)
    {
        using var producer = new ProducerBuilder<string, byte[]>(new ProducerConfig { BootstrapServers = bootstrap }).Build();
        var headers = new Headers { { "trace", "1"u8.ToArray() } };
        foreach (var (name, text) in new[]
                 {
                     ("topic", Movements), ("partition", "2"), ("offset", "41"), ("stage", "decode"), ("reason", "unknown_schema"), ("message", "why"),
                     ("failed-at", new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc).AddSeconds(second).ToString("O")),
                 })
        {
            headers.Add("dlq." + name, Encoding.UTF8.GetBytes(text));
        }

        var done = await producer.ProduceAsync(Topic, new Message<string, byte[]> { Key = key, Value = value, Headers = headers });
        return $"{done.Partition.Value}:{done.Offset.Value}";
    }

    private static Task<List<ConsumeResult<string, byte[]>>> RecordsAsync(string bootstrap, int count) => Task.Run(() =>
    {
        using var consumer = KafkaClients.Consumer(bootstrap, "check").Build();
        consumer.Assign(Enumerable.Range(0, count == 1 ? 1 : 4).Select(partition => new TopicPartitionOffset(Movements, partition, Offset.Beginning)));
        return KafkaClients.Read(consumer, count).ToList();
    });

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch.AddYears(56);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
