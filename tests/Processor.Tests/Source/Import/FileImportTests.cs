using System.IO.Compression;
using System.Text;
using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Source.Import;
using Xunit;

namespace Stockflow.Tests.Source.Import;

public sealed class FileImportTests : IDisposable
{
    private static readonly Pseudonyms Key = new("a key of more than 16 characters");
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("stockflow-import-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task References_are_sent_and_acknowledged_before_the_first_movement()
    {
        var target = new MemoryImportTarget();
        await ImportAsync(Retail(20), target);
        var topics = target.Sent.Select(record => record.Topic).ToList();
        Assert.Equal(["reference.sku", "reference.sku", "reference.sku", "reference.location"], topics.Take(4));
        Assert.All(topics.Skip(4), topic => Assert.Equal("inventory.movements", topic));
        var skus = target.Records("reference.sku", "Sku").ToDictionary(sku => (string)sku["sku_id"]!);
        Assert.Equal(("LAMP", true, "goods"), (skus["A"]["name"], skus["A"]["stocked"], skus["A"]["category"]));
        Assert.Equal(("POSTAGE", false, "postage"), (skus["POST"]["name"], skus["POST"]["stocked"], skus["POST"]["category"]));
        Assert.Equal("UK-WEB", Assert.Single(target.Records("reference.location", "Location"))["location_id"]);
        Assert.All(target.Sent, record => Assert.Equal(record.Topic.EndsWith("location", StringComparison.Ordinal) ? 3 : record.Topic.EndsWith("sku", StringComparison.Ordinal) ? 2 : 1, record.Value[4]));
        Assert.All(target.Sent.Skip(4), record => Assert.Equal(record.Key, ((AvroRecord)GenericReader.Read(MemoryImportTarget.Schema("InventoryMovement"), MemoryImportTarget.Schema("InventoryMovement"), record.Value.AsSpan(5))!)["sku_id"]));
    }

    [Fact]
    public async Task A_second_import_sends_the_same_bytes()
    {
        var file = Retail(50);
        var (first, second) = (new MemoryImportTarget(), new MemoryImportTarget { Reverses = true });
        await ImportAsync(file, first);
        var summary = await ImportAsync(file, second);
        Assert.Equal(50, summary.Sent);
        Assert.Equal(first.Lines(), second.Lines());
        Assert.Equal(50, first.Movements.Select(movement => (string)movement["event_id"]!).Distinct().Count());
    }

    [Fact]
    public async Task Packing_and_line_ends_do_not_change_what_is_sent()
    {
        var plain = Retail(30);
        var packed = Path.Combine(folder.FullName, "packed.csv.gz");
        await using (var gzip = new GZipStream(File.Create(packed), CompressionLevel.Fastest))
        {
            await gzip.WriteAsync(Encoding.UTF8.GetBytes((await File.ReadAllTextAsync(plain)).ReplaceLineEndings("\r\n")));
        }

        var (first, second) = (new MemoryImportTarget(), new MemoryImportTarget());
        await ImportAsync(plain, first);
        await ImportAsync(packed, second);
        Assert.Equal(first.Lines(), second.Lines());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2_500)]
    [InlineData(4_999)]
    public async Task After_a_broker_failure_the_import_goes_on_where_it_was(int after)
    {
        var file = Retail(5_000);
        var whole = new MemoryImportTarget();
        await ImportAsync(file, whole, "other");
        var failing = new MemoryImportTarget { FailsAfter = after };
        await Assert.ThrowsAsync<StoreUnavailableException>(() => ImportAsync(file, failing));
        var rest = new MemoryImportTarget();
        var summary = await ImportAsync(file, rest);
        Assert.Equal((after, 5_000 - after), (summary.SentBefore, summary.Sent));
        Assert.Equal(whole.Lines(), failing.Lines().Concat(rest.Lines()));
    }

    [Fact]
    public async Task A_kill_loses_nothing_and_what_is_sent_again_has_the_same_bytes()
    {
        var file = Retail(9_000);
        var whole = new MemoryImportTarget();
        await ImportAsync(file, whole, "other");
        var killed = new MemoryImportTarget { DiesAfter = 6_100, Reverses = true };
        var time = new SteppingTime();
        await Assert.ThrowsAsync<InvalidOperationException>(() => ImportAsync(file, killed, time: time));
        var rest = new MemoryImportTarget();
        var import = Import(file, rest, "state", time);
        var summary = await import.RunAsync(CancellationToken.None);
        Assert.InRange(import.ResumedAfter, 1, 6_100);
        Assert.Equal(9_000, summary.SentBefore + summary.Sent);
        Assert.Equal(whole.Lines().ToHashSet(), killed.Lines().Concat(rest.Lines()).ToHashSet());
        Assert.Equal(summary.Classes["sale"].Rows, 9_000 - summary.Classes["cancellation"].Rows);
    }

    [Fact]
    public async Task Restart_and_another_file_begin_at_the_beginning()
    {
        var file = Retail(100);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => ImportAsync(file, new MemoryImportTarget { FailsAfter = 50 }));
        var restarted = Import(file, new MemoryImportTarget(), "state", TimeProvider.System, restart: true);
        Assert.Equal(100, (await restarted.RunAsync(CancellationToken.None)).Sent);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => ImportAsync(file, new MemoryImportTarget { FailsAfter = 50 }));
        await File.AppendAllTextAsync(file, "9,A,LAMP,1,2010-12-01 08:26:00,1.00,1,UK\n");
        Assert.Equal(101, (await ImportAsync(file, new MemoryImportTarget())).Sent);
    }

    [Fact]
    public async Task Rejected_records_are_kept_as_they_stand_with_their_reasons()
    {
        var file = Path.Combine(folder.FullName, "bad.csv");
        await File.WriteAllTextAsync(file, ImportText.RetailHeader + "1,A,LAMP,x,2010-12-01 08:26:00,1.00,1,UK\n2,A,\"open,1,2010-12-01 08:26:00,1.00,1,UK\n3,A,LAMP,1,2010-12-01 08:26:00,1.00,1,UK\n");
        var target = new MemoryImportTarget();
        var summary = await ImportAsync(file, target);
        Assert.Equal((3, 2, 1), (summary.Rows, summary.Rejected, summary.Sent));
        Assert.Equal(["not_a_number", "open_quote"], summary.RejectedByReason.Keys);
        Assert.Equal(
            ImportText.RetailHeader + "1,A,LAMP,x,2010-12-01 08:26:00,1.00,1,UK\n2,A,\"open,1,2010-12-01 08:26:00,1.00,1,UK\n",
            await File.ReadAllTextAsync(summary.RejectedFile!));
        var reasons = await File.ReadAllLinesAsync(Path.Combine(folder.FullName, "state", "bad.csv.rejected.reasons.csv"));
        Assert.Equal("2,1,\"qty_delta\",\"Quantity\",4,not_a_number,\"a number is expected\",\"x\"", reasons[1]);
        Assert.StartsWith("3,2,\"row\",\"\",5,open_quote", reasons[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broken_archive_gives_what_is_whole_and_says_so()
    {
        var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            await gzip.WriteAsync(await File.ReadAllBytesAsync(Retail(20_000)));
        }

        var file = Path.Combine(folder.FullName, "cut.csv.gz");
        await File.WriteAllBytesAsync(file, packed.ToArray()[..(int)(packed.Length / 2)]);
        var target = new MemoryImportTarget();
        var summary = await ImportAsync(file, target);
        Assert.Equal("file_broken", Assert.Single(summary.FirstRejected).Reason);
        Assert.InRange(summary.Sent, 1_000, 19_000);
        Assert.All(target.Movements, movement => Assert.Equal("United Kingdom", ((Dictionary<string, object?>)movement["attributes"]!)["country"]));
    }

    [Fact]
    public async Task An_archive_of_several_members_is_read_to_its_end_and_missed_when_cut()
    {
        var packed = new MemoryStream();
        var content = await File.ReadAllBytesAsync(Retail(3_000));
        foreach (var part in (byte[][])[content[..50_000], content[50_000..]])
        {
            await using var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true);
            await gzip.WriteAsync(part);
        }

        var file = Path.Combine(folder.FullName, "members.csv.gz");
        await File.WriteAllBytesAsync(file, packed.ToArray());
        Assert.Equal((3_000, 0), await CountsAsync(file));
        await File.WriteAllBytesAsync(file, packed.ToArray()[..^1]);
        Assert.Equal(1, (await CountsAsync(file)).Rejected);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("deflate")]
    public async Task A_container_file_of_movements_comes_back_as_it_was(string codec)
    {
        var source = new MemoryImportTarget();
        await ImportAsync(Retail(300), source);
        var file = Path.Combine(folder.FullName, "movements.avro");
        await WriteContainerAsync(file, MemoryImportTarget.Schema("InventoryMovement"), codec, source.Movements);
        var target = new MemoryImportTarget();
        await new FileImport(file, MappingParser.Load("movements"), null, MemoryImportTarget.Options(State("state")), target, TimeProvider.System).RunAsync(CancellationToken.None);
        Assert.Equal(source.Lines(), target.Lines());
    }

    [Fact]
    public async Task A_container_file_of_an_older_schema_is_resolved()
    {
        var older = AvroSchema.Parse("""
            { "type": "record", "name": "InventoryMovement", "namespace": "retail.inventory.v1", "fields": [
              { "name": "event_id", "type": "string" }, { "name": "event_ts", "type": { "type": "long", "logicalType": "timestamp-millis" } },
              { "name": "ingest_ts", "type": { "type": "long", "logicalType": "timestamp-millis" } }, { "name": "sku_id", "type": "string" },
              { "name": "location_id", "type": "string" }, { "name": "movement_type", "type": { "type": "enum", "name": "MovementType", "symbols": ["SALE", "GIFT"] } },
              { "name": "qty_delta", "type": "int" }, { "name": "source_system", "type": "string" }, { "name": "reference_id", "type": "string" } ] }
            """);
        Dictionary<string, object?> Record(string id, string type) => new()
        {
            ["event_id"] = id,
            ["event_ts"] = 1_300_000_000_123L,
            ["ingest_ts"] = 1_300_000_000_456L,
            ["sku_id"] = "A",
            ["location_id"] = "L",
            ["movement_type"] = type,
            ["qty_delta"] = -3,
            ["source_system"] = "POS",
            ["reference_id"] = "R",
        };
        var file = Path.Combine(folder.FullName, "older.avro");
        await WriteContainerAsync(file, older, "null", [Record("1", "SALE"), Record("2", "GIFT")]);
        var target = new MemoryImportTarget();
        var summary = await new FileImport(file, MappingParser.Load("movements"), null, MemoryImportTarget.Options(State("state")), target, TimeProvider.System).RunAsync(CancellationToken.None);
        var movement = Assert.Single(target.Movements);
        Assert.Equal(("1", -3L, "SALE"), (movement["event_id"], movement["qty_delta"], movement["movement_type"]));
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1_300_000_000_123), movement["event_ts"]);
        Assert.Equal("unknown_movement_type", Assert.Single(summary.FirstRejected).Reason);
        Assert.Contains("\"2\"", await File.ReadAllTextAsync(summary.RejectedFile!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_lines_are_imported_by_the_fields_names()
    {
        var file = Path.Combine(folder.FullName, "m.jsonl");
        await File.WriteAllTextAsync(file, """
            {"event_id":"e1","event_ts":"2011-01-02T03:04:05.678Z","sku_id":"A","location_id":"L","movement_type":"CYCLE_COUNT","counted_qty":5,"source_system":"WMS","reference_id":"R","attributes":{"who":"me"}}
            {"event_id":"e2","event_ts":1300000000123,"sku_id":"A","location_id":"L","movement_type":"SALE","qty_delta":5,"source_system":"WMS","reference_id":"R"}
            """);
        var target = new MemoryImportTarget();
        var summary = await new FileImport(file, MappingParser.Load("movements"), null, MemoryImportTarget.Options(State("state")), target, TimeProvider.System).RunAsync(CancellationToken.None);
        var movement = Assert.Single(target.Movements);
        Assert.Equal((5L, "me"), (movement["counted_qty"], ((Dictionary<string, object?>)movement["attributes"]!)["who"]));
        Assert.Equal(("quantity_sign", 2L), (summary.FirstRejected[0].Reason, summary.FirstRejected[0].Line));
    }

    private static async Task WriteContainerAsync(string file, AvroSchema schema, string codec, IEnumerable<object> records)
    {
        await using var stream = File.Create(file);
        await using var writer = await AvroContainerWriter.CreateAsync(stream, schema, new AvroContainerOptions { Codec = codec, BlockBytes = 4096 });
        foreach (var record in records)
        {
            await writer.AppendAsync(record);
        }
    }

    private async Task<(long Sent, long Rejected)> CountsAsync(string file)
    {
        var summary = await ImportAsync(file, new MemoryImportTarget());
        return (summary.Sent, summary.Rejected);
    }

    private string Retail(int rows)
    {
        var file = Path.Combine(folder.FullName, "retail.csv");
        File.WriteAllText(file, ImportText.Retail(rows));
        return file;
    }

    private string State(string name) => folder.CreateSubdirectory(name).FullName;

    private FileImport Import(string file, MemoryImportTarget target, string state, TimeProvider time, bool restart = false) =>
        new(file, MappingParser.Load("online-retail"), Key, MemoryImportTarget.Options(State(state)) with { Restart = restart, Window = 64 }, target, time);

    private Task<ImportSummary> ImportAsync(string file, MemoryImportTarget target, string state = "state", TimeProvider? time = null) =>
        Import(file, target, state, time ?? TimeProvider.System).RunAsync(CancellationToken.None);

    /// <summary>Every look at the clock is two seconds later.</summary>
    private sealed class SteppingTime : TimeProvider
    {
        private long now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => now += 2;
    }
}
