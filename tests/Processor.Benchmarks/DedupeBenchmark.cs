using System.Diagnostics;
using StackExchange.Redis;
using Stockflow.Avro;
using Stockflow.Dedupe;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>
/// Duplicate detection alone: the table in memory, then the whole path (hash, table, one commit script a batch) against the usual one,
/// a <c>SET event_id 1 NX EX 86400</c> an event, pipelined, on the same Redis with the same append-only file.
/// </summary>
internal static class DedupeBenchmark
{
    private const string Name = "dedupe";
    private const int Lanes = 4, BatchRecords = 4096, HorizonSeconds = 86_400, MaximumRounds = 2;

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress("dedupe: preparing event ids");
        var lanes = Prepare(options, out var distinct);
        long events = lanes.Sum(lane => lane.Count);
        MeasureTable(lanes, distinct, options, report);

        var folder = Directory.CreateTempSubdirectory("stockflow-bench-").FullName;
        try
        {
            await using var redis = await RedisServer.StartAsync(folder, token);
            var packed = await MeasureAsync("packed fingerprints", round => PackedAsync(redis, lanes, round, token));
            var naive = await MeasureAsync("SET NX EX an event", _ => NaiveAsync(redis, lanes, token));
            report.Add(Name, "packed / SET NX EX, events/s", Report.Figure(packed.Rate / naive.Rate), "target >= 4");
            report.Add(Name, "packed, Redis bytes an event", Report.Figure(packed.Memory), "target <= 24");
            report.Add(Name, "SET NX EX, Redis bytes an event", Report.Figure(naive.Memory));

            async Task<(double Rate, double Memory)> MeasureAsync(string what, Func<int, Task<long>> run)
            {
                var rates = new List<double>();
                var cpu = new List<double>();
                var memory = 0.0;
                for (var round = -1; round < Math.Min(options.Rounds, MaximumRounds); round++)
                {
                    redis.Flush();
                    var (used, busy) = (redis.DataMemory, ProcessCpu.Seconds(redis.ProcessId));
                    var started = Stopwatch.GetTimestamp();
                    var accepted = await run(round);
                    var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                    WrongResultException.ThrowUnlessEqual($"dedupe, {what}: events that are new", distinct, accepted);
                    Report.Progress($"dedupe: {what}, {(round < 0 ? "warm-up" : $"round {round + 1}")}: {events / seconds:N0} events/s");
                    if (round >= 0)
                    {
                        rates.Add(events / seconds);
                        cpu.Add((ProcessCpu.Seconds(redis.ProcessId) - busy) * 1e6 / events);
                        memory = (double)(redis.DataMemory - used) / events;
                    }
                }

                report.Add(Name, what + ", events/s", Report.Figure(Report.Median(rates)), $"{Lanes} lanes; appendonly, everysec");
                report.Add(Name, what + ", Redis CPU s a million events", Report.Figure(Report.Median(cpu)));
                return (Report.Median(rates), memory);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<byte[]>[] Prepare(BenchmarkOptions options, out long distinct)
    {
        var schema = AvroSchema.Parse(File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, "InventoryMovement.avsc")));
        var reader = RecordReader.Compile(schema, schema);
        var slots = new AvroSlot[reader.SlotCount];
        var generatorOptions = options.Generator(options.Events) with { InvalidShare = 0 };
        var generator = new Generator(generatorOptions);
        var encoder = new FactEncoder(generator.Catalog, generatorOptions, new FactSchemaIds(1, 1));
        var count = new IndependentCount(generator.Catalog);
        var lanes = new List<byte[]>[Lanes];
        for (var i = 0; i < Lanes; i++)
        {
            lanes[i] = [];
        }

        while (generator.TryNext(out var fact))
        {
            encoder.Encode(in fact);
            var body = encoder.Value[5..];
            reader.TryRead(body, slots);
            lanes[fact.Sku % Lanes].Add(slots[0].Slice(body).ToArray());
            count.Add(in fact);
        }

        distinct = count.Result().Accepted;
        return lanes;
    }

    private static void MeasureTable(List<byte[]>[] lanes, long distinct, BenchmarkOptions options, Report report)
    {
        var fingerprints = lanes.SelectMany(lane => lane).Select(id => SipHash128.Hash(id)).ToArray();
        var hash = new List<double>();
        var first = new List<double>();
        var again = new List<double>();
        for (var round = -2; round < options.Rounds; round++)
        {
            var started = ProcessCpu.ThreadNanoseconds();
            var sum = UInt128.Zero;
            foreach (var lane in lanes)
            {
                foreach (var id in lane)
                {
                    sum ^= SipHash128.Hash(id);
                }
            }

            GC.KeepAlive(sum);
            var hashed = Nanoseconds(started);
            var table = new SeenTable();
            var news = 0L;
            started = ProcessCpu.ThreadNanoseconds();
            for (var i = 0; i < fingerprints.Length; i++)
            {
                news += table.FirstOffset(fingerprints[i], i) == i ? 1 : 0;
            }

            var inserted = Nanoseconds(started);
            started = ProcessCpu.ThreadNanoseconds();
            var repeated = 0L;
            for (var i = 0; i < fingerprints.Length; i++)
            {
                repeated += table.Lookup(fingerprints[i]) >= 0 ? 1 : 0;
            }

            var lookedUp = Nanoseconds(started);
            WrongResultException.ThrowUnlessEqual("dedupe: fingerprints that are new", distinct, news);
            WrongResultException.ThrowUnlessEqual("dedupe: fingerprints that are found again", fingerprints.Length, repeated);
            if (round >= 0)
            {
                hash.Add(hashed);
                first.Add(inserted);
                again.Add(lookedUp);
            }
        }

        report.Add(Name, "SipHash128 of an event_id, ns of CPU", Report.Figure(Report.Median(hash)));
        report.Add(Name, "SeenTable, first sight, ns of CPU", Report.Figure(Report.Median(first)), "growth of the table included");
        report.Add(Name, "SeenTable, lookup, ns of CPU", Report.Figure(Report.Median(again)), $"{distinct:N0} entries");
        report.Add(Name, "SeenTable, lookups/s of one core", Report.Figure(1e9 / Report.Median(again)), "target >= 10,000,000");
        var (mean, most) = Memory(fingerprints);
        report.Add(Name, "SeenTable, process memory bytes an event", Report.Figure(mean), $"target <= 40; mean over sizes from a quarter to all of {distinct:N0}, of which {most:0.0} at most");

        double Nanoseconds(long started) => (double)(ProcessCpu.ThreadNanoseconds() - started) / fingerprints.Length;
    }

    // Lanes differ in size and a table grows by leaps, so no one size tells what the tables of many lanes take.
    private static (double Mean, double Most) Memory(UInt128[] fingerprints)
    {
        var table = new SeenTable();
        var (sum, most, samples) = (0.0, 0.0, 0);
        for (var i = 0; i < fingerprints.Length; i++)
        {
            table.FirstOffset(fingerprints[i], i);
            if (i >= fingerprints.Length / 4 && i % 256 == 0)
            {
                var each = (double)table.Bytes / table.Count;
                (sum, most, samples) = (sum + each, Math.Max(most, each), samples + 1);
            }
        }

        return (sum / samples, most);
    }

    private static async Task<long> PackedAsync(RedisServer redis, List<byte[]>[] lanes, int round, CancellationToken token)
    {
        await using var store = new RedisPositionStore(new PositionOptions { Connection = redis.Endpoint, KeyPrefix = $"bench{round + 1}" }, TimeProvider.System);
        var ids = new IdTable();
        var counts = await Task.WhenAll(lanes.Select((lane, partition) => Task.Run(() => PackedLaneAsync(lane, partition), token)));
        return counts.Sum();

        async Task<long> PackedLaneAsync(List<byte[]> lane, int partition)
        {
            var record = await store.AcquireAsync(partition, token);
            var commit = new LaneCommit { Partition = partition, Epoch = record.Epoch, ExpectedOffset = record.NextOffset, Revision = record.Revision, Ids = ids, Bucket = 1 };
            var table = new SeenTable();
            var accepted = 0L;
            for (var offset = 0; offset < lane.Count;)
            {
                var end = Math.Min(lane.Count, offset + BatchRecords);
                for (; offset < end; offset++)
                {
                    var fingerprint = SipHash128.Hash(lane[offset]);
                    if (table.FirstOffset(fingerprint, offset) == offset)
                    {
                        commit.Seen.Add(new SeenEntry(fingerprint, offset));
                    }
                }

                accepted += commit.Seen.Count;
                commit.NextOffset = end;
                if (await store.CommitAsync(commit, token) != CommitOutcome.Applied)
                {
                    throw new WrongResultException("dedupe: Redis refused a commit.");
                }

                commit.ExpectedOffset = end;
                commit.Revision++;
                commit.Clear();
            }

            return accepted;
        }
    }

    private static async Task<long> NaiveAsync(RedisServer redis, List<byte[]>[] lanes, CancellationToken token)
    {
        var database = redis.Database;
        var horizon = TimeSpan.FromSeconds(HorizonSeconds);
        var counts = await Task.WhenAll(lanes.Select(lane => Task.Run(() => NaiveLaneAsync(lane), token)));
        return counts.Sum();

        async Task<long> NaiveLaneAsync(List<byte[]> lane)
        {
            var answers = new Task<bool>[BatchRecords];
            var accepted = 0L;
            for (var offset = 0; offset < lane.Count;)
            {
                var count = Math.Min(BatchRecords, lane.Count - offset);
                for (var i = 0; i < count; i++)
                {
                    answers[i] = database.StringSetAsync(lane[offset++], 1, horizon, When.NotExists);
                }

                for (var i = 0; i < count; i++)
                {
                    accepted += await answers[i] ? 1 : 0;
                }
            }

            return accepted;
        }
    }
}
