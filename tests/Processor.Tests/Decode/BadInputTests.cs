using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Tests.Window;
using Xunit;

namespace Stockflow.Tests.Decode;

/// <summary>Times and counts that can not be, through decoding and validation as a lane does them: each costs its own record and no other.</summary>
public sealed class BadInputTests
{
    private const long Now = 1_800_000_000_000, FutureBound = 600_000;
    private const int Ours = 1, Theirs = 2;
    private static readonly string Text = File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc"));
    private static readonly AvroSchema Schema = AvroSchema.Parse(Text);

    [Theory]
    [InlineData("RECEIPT", "event_ts", Now + FutureBound + 1, "time_future", "event_ts 1800000600001 is more than 600 s ahead")]
    [InlineData("RECEIPT", "ingest_ts", Now + FutureBound + 1, "time_future", "ingest_ts 1800000600001 is more than 600 s ahead")]
    [InlineData("RECEIPT", "event_ts", long.MaxValue, "time_future", "event_ts")]
    [InlineData("RECEIPT", "event_ts", 0L, "time_range", "event_ts 0 is before 1990")]
    [InlineData("RECEIPT", "event_ts", Now / 1000, "time_range", "event_ts 1800000000 is before 1990; expected milliseconds")]
    [InlineData("RECEIPT", "ingest_ts", -1L, "time_range", "ingest_ts -1 is before 1990")]
    [InlineData("RECEIPT", "event_ts", long.MinValue, "time_range", "event_ts")]
    [InlineData("CYCLE_COUNT", "counted_qty", -1L, "count_missing", "counted_qty -1 is below zero")]
    [InlineData("CYCLE_COUNT", "counted_qty", null, "count_missing", "counted_qty is missing")]
    [InlineData("CORRECTION", "corrects_event_id", null, "correction_target", "corrects_event_id is missing")]
    public async Task A_value_that_can_not_be_is_a_dead_letter_that_says_why(string type, string field, long? value, string reason, string message)
    {
        var bad = Movement("bad", type);
        bad[field] = value;
        CheckMiddle(await JudgeAsync(null, Ours, bad), reason, message);
    }

    [Theory]
    [InlineData("RECEIPT", "event_ts", Now + FutureBound)]
    [InlineData("RECEIPT", "ingest_ts", Now + FutureBound)]
    [InlineData("RECEIPT", "event_ts", 631_152_000_000)]
    [InlineData("CYCLE_COUNT", "counted_qty", 0L)]
    public async Task A_value_at_the_edge_of_what_can_be_is_taken(string type, string field, long value)
    {
        var edge = Movement("edge", type);
        edge[field] = value;
        CheckAccepted(await JudgeAsync(null, Ours, edge));
    }

    // It may come before what it corrects: whether that ever comes is no matter of the record.
    [Fact]
    public async Task A_correction_of_an_event_that_nobody_has_seen_is_taken() => CheckAccepted(await JudgeAsync(null, Ours, Movement("early", "CORRECTION")));

    [Theory]
    [InlineData(null, "the reader's field 'event_ts' is missing in the writer's schema")]
    [InlineData("\"string\"", "event_ts: the writer's string can not be read as long")]
    public async Task A_writer_without_a_time_that_can_be_read_gets_dead_letters_that_name_the_field(string? type, string message)
    {
        var movement = Movement("bad", "RECEIPT");
        movement["event_ts"] = "yesterday";
        CheckMiddle(await JudgeAsync(WithTime(type), Theirs, movement), "wrong_record", message);
    }

    [Fact]
    public async Task A_writer_whose_time_may_be_null_is_read_and_its_nulls_are_dead_letters()
    {
        var writer = WithTime("""["null", { "type": "long", "logicalType": "timestamp-millis" }]""");
        var movement = Movement("nullable", "RECEIPT");
        CheckAccepted(await JudgeAsync(writer, Theirs, movement));
        movement["event_ts"] = null;
        CheckMiddle(await JudgeAsync(writer, Theirs, movement), "avro_malformed", "event_ts");
    }

    [Fact]
    public async Task A_time_that_is_no_number_is_a_dead_letter()
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, Ours);
        var bytes = (byte[])[.. encoder.WrittenSpan, 2, (byte)'x', .. Enumerable.Repeat((byte)0xFF, 11)];
        CheckMiddle(await JudgeAsync(null, bytes), "avro_malformed", "event_ts");
    }

    private static void CheckMiddle(RecordBatch batch, string reason, string message)
    {
        Assert.Equal([Verdict.Pending, Verdict.DeadLetter, Verdict.Pending], batch.Verdicts[..batch.Count]);
        var rejection = Assert.Single(batch.Rejections);
        Assert.Equal((1, reason), (rejection.Index, rejection.Reason.Code()));
        Assert.Contains(message, rejection.Message, StringComparison.Ordinal);
    }

    private static void CheckAccepted(RecordBatch batch)
    {
        Assert.Empty(batch.Rejections);
        Assert.All(batch.Verdicts[..batch.Count], verdict => Assert.Equal(Verdict.Pending, verdict));
    }

    private static AvroSchema WithTime(string? type)
    {
        var schema = JsonNode.Parse(Text)!;
        var fields = schema["fields"]!.AsArray();
        var field = fields.Single(node => (string)node!["name"]! == "event_ts")!;
        if (type is null)
        {
            fields.Remove(field);
        }
        else
        {
            field["type"] = JsonNode.Parse(type);
        }

        return AvroSchema.Parse(schema.ToJsonString());
    }

    private static Dictionary<string, object?> Movement(string id, string type) => new()
    {
        ["event_id"] = id,
        ["event_ts"] = Now - 1000,
        ["ingest_ts"] = Now - 1000,
        ["sku_id"] = "SKU-1",
        ["location_id"] = "STORE-1",
        ["movement_type"] = type,
        ["qty_delta"] = type == "RECEIPT" ? 5L : 0L,
        ["source_system"] = "WMS",
        ["reference_id"] = "R-1",
        ["counted_qty"] = type == "CYCLE_COUNT" ? 5L : null,
        ["corrects_event_id"] = type == "CORRECTION" ? "nobody-has-seen-it" : null,
    };

    private static Task<RecordBatch> JudgeAsync(AvroSchema? theirs, int id, Dictionary<string, object?> movement) =>
        JudgeAsync(theirs, Encode(id == Ours ? Schema : theirs!, id, movement));

    // Between two records without fault.
    private static async Task<RecordBatch> JudgeAsync(AvroSchema? theirs, byte[] value)
    {
        var batch = new RecordBatch(3, 4096) { Ids = new IdTable(), Lane = new LaneStatus { Topic = "t", Partition = 0 } };
        foreach (var bytes in (byte[][])[Encode(Schema, Ours, Movement("before", "RECEIPT")), value, Encode(Schema, Ours, Movement("after", "CYCLE_COUNT"))])
        {
            batch.Add(batch.Count, Now, Encoding.UTF8.GetBytes("SKU-1"), true, bytes, true, null);
        }

        var catalog = new ReferenceCatalog();
        catalog.PutSku("SKU-1", stocked: true);
        catalog.PutLocation("STORE-1");
        var time = new ManualTime { Now = Now };
        await new DecodeStage(new DecodeOptions(), new MovementReaders(new DecodeOptions(), new Schemas(theirs), Schema), 0, time, NullLogger.Instance).ApplyAsync(batch, CancellationToken.None);
        await new ValidateStage(new DecodeOptions(), catalog, _ => Task.CompletedTask, 0, 1, time).ApplyAsync(batch, CancellationToken.None);
        return batch;
    }

    private static byte[] Encode(AvroSchema schema, int id, Dictionary<string, object?> movement)
    {
        var encoder = new AvroEncoder();
        ConfluentFrame.Write(encoder, id);
        GenericWriter.Write(encoder, schema, movement);
        return encoder.WrittenSpan.ToArray();
    }

    private sealed class Schemas(AvroSchema? theirs) : ISchemaSource
    {
        public ValueTask<AvroSchema?> GetByIdAsync(int id, CancellationToken token) => ValueTask.FromResult(id == Ours ? Schema : theirs);

        public Task<int> RegisterAsync(string subject, AvroSchema schema, CancellationToken token) => throw new NotSupportedException();

        public Task<RegisteredSchema?> GetLatestAsync(string subject, CancellationToken token) => throw new NotSupportedException();

        public Task<IReadOnlyList<RegisteredSchema>> GetVersionsAsync(string subject, CancellationToken token) => throw new NotSupportedException();
    }
}
