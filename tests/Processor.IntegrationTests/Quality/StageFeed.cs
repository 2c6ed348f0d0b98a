using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Dedupe;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Quality;

/// <summary>Writes events to the history as one lane does: decoded, validated, judged and encoded by the stages themselves, at chosen offsets and times.</summary>
internal sealed class StageFeed
{
    public const string Topic = "t";

    private static readonly CatalogSchema Catalog = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).Single(s => s.Record.EndsWith(".InventoryMovement", StringComparison.Ordinal));
    private static readonly AvroSchema Schema = AvroSchema.Parse(Catalog.Text);

    private readonly IClickHouse clickHouse;
    private readonly LaneStatus lane = new() { Topic = Topic, Partition = 0, NextOffset = 0, DurableOffset = 0 };
    private readonly IdTable ids = new();
    private readonly DecodeStage decode;
    private readonly ValidateStage validate;
    private readonly DedupeStage dedupe;
    private long next;

    public StageFeed(IClickHouse clickHouse)
    {
        this.clickHouse = clickHouse;
        var options = new DecodeOptions { RequireKnownIds = false };
        decode = new DecodeStage(options, new MovementReaders(options, new FolderSchemaSource(SchemaCatalog.DefaultFolder), Schema), 0, TimeProvider.System, NullLogger.Instance);
        validate = new ValidateStage(options, new ReferenceCatalog(), _ => Task.CompletedTask, 0, 1, TimeProvider.System);
        dedupe = new DedupeStage(new DedupeOptions(), lane, TimeProvider.System);
    }

    public static int SchemaId => Catalog.Id;

    /// <summary>One batch at the next offsets, recorded at a time.</summary>
    public async Task BatchAsync(long recordedTs, params (string EventId, DateTimeOffset At, string Type, long Qty, string Location, string? Corrects)[] events)
    {
        var batch = new RecordBatch(events.Length, 4096) { Ids = ids, Lane = lane, FromOffset = next, RecordedTs = recordedTs };
        foreach (var one in events)
        {
            var encoder = new AvroEncoder();
            ConfluentFrame.Write(encoder, Catalog.Id);
            GenericWriter.Write(encoder, Schema, new Dictionary<string, object?>
            {
                ["event_id"] = one.EventId,
                ["event_ts"] = one.At,
                ["ingest_ts"] = one.At,
                ["sku_id"] = "A",
                ["location_id"] = one.Location,
                ["movement_type"] = one.Type,
                ["qty_delta"] = one.Qty,
                ["source_system"] = "POS",
                ["reference_id"] = "R-1",
                ["corrects_event_id"] = one.Corrects,
            });
            batch.Add(next++, one.At.ToUnixTimeMilliseconds(), "A"u8, true, encoder.WrittenSpan, true, null);
        }

        await decode.ApplyAsync(batch, default);
        await validate.ApplyAsync(batch, default);
        dedupe.Apply(batch);
        var (raw, ledger) = (new RawBlock(), new Stockflow.History.LedgerBlock());
        raw.Append(batch, [.. Enumerable.Range(0, batch.Count)]);
        ledger.Append(batch, [.. Enumerable.Range(0, batch.Count).Where(i => batch.Verdicts[i] == Verdict.Accepted)]);
        await clickHouse.InsertAsync("raw_events", raw.Block.ColumnNames, "Native", raw.Block.Build());
        await clickHouse.InsertAsync("ledger", ledger.Block.ColumnNames, "Native", ledger.Block.Build());
    }
}
