using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>Decoding and validation alone, over batches of good events as the source hands them on.</summary>
internal static class DecodeBenchmark
{
    private const string Name = "decode";
    private const int BatchRecords = 4096, MaximumBatches = 64, PassesPerRound = 4;

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress("decode: preparing batches");
        var schema = AvroSchema.Parse(await File.ReadAllTextAsync(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc"), token));
        // Good events only: a dead letter's message is allocated, and it should be.
        var batches = EventBatches.Create(options.Generator(0), Math.Min(MaximumBatches * BatchRecords, options.Events), BatchRecords, out var catalog);
        long events = batches.Sum(batch => batch.Count);
        var bytes = batches.Sum(batch => (long)batch.ArenaLength) / events;

        var reader = RecordReader.Compile(schema, schema);
        var slots = new AvroSlot[reader.SlotCount];
        Measure("AvroRecordReader alone", _ => { }, batch => Read(batch, reader, slots));

        var settings = new DecodeOptions();
        var decode = new DecodeStage(settings, EventBatches.Readers(settings), 0, TimeProvider.System, NullLogger.Instance);
        Measure("DecodeStage (Avro, fields, fingerprint)", Reset, batch => EventBatches.Finish(decode.ApplyAsync(batch, token)));
        var known = EventBatches.KnownIds(catalog);
        var validate = new ValidateStage(settings, known, _ => Task.CompletedTask, 0, 1, TimeProvider.System);
        Measure("decode + validate", Reset, batch =>
        {
            EventBatches.Finish(decode.ApplyAsync(batch, token));
            EventBatches.Finish(validate.ApplyAsync(batch, token));
        });
        foreach (var batch in batches)
        {
            WrongResultException.ThrowUnlessEqual("dead letters of good events", 0, batch.Rejections.Count);
        }

        void Measure(string what, Action<RecordBatch> prepare, Action<RecordBatch> run)
        {
            var nanoseconds = new List<double>();
            var allocated = new List<double>();
            // The first two rounds are for the compiler's tiers.
            for (var round = -2; round < options.Rounds; round++)
            {
                long time = 0, sum = 0;
                for (var pass = 0; pass < PassesPerRound; pass++)
                {
                    foreach (var batch in batches)
                    {
                        token.ThrowIfCancellationRequested();
                        prepare(batch);
                        var before = GC.GetAllocatedBytesForCurrentThread();
                        var started = ProcessCpu.ThreadNanoseconds();
                        run(batch);
                        time += ProcessCpu.ThreadNanoseconds() - started;
                        sum += GC.GetAllocatedBytesForCurrentThread() - before;
                    }
                }

                if (round >= 0)
                {
                    nanoseconds.Add((double)time / (events * PassesPerRound));
                    allocated.Add((double)sum / (events * PassesPerRound));
                }
            }

            var target = what.StartsWith("decode +", StringComparison.Ordinal) ? "target <= 200 ns, 0 bytes; " : "";
            report.Add(Name, what + ", ns of CPU an event", Report.Figure(Report.Median(nanoseconds)), $"{target}{bytes} bytes an event");
            report.Add(Name, what + ", bytes allocated an event", Report.Figure(Report.Median(allocated)));
        }
    }

    private static void Reset(RecordBatch batch)
    {
        batch.Verdicts.AsSpan().Clear();
        batch.Rejections.Clear();
    }

    private static void Read(RecordBatch batch, RecordReader reader, AvroSlot[] slots)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            if (!reader.TryRead(batch.Bytes(batch.Records[i].Value)[5..], slots).IsOk)
            {
                throw new WrongResultException("A good event could not be read.");
            }
        }
    }
}
