using System.Diagnostics;
using Stockflow.Dedupe;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>Loading what a lane remembers of its dedupe horizon, from Redis into the table in memory, as a lane does before its first batch.</summary>
internal static class HorizonLoad
{
    private const string Name = "recovery";
    private const int BatchRecords = 4096, Probes = 1000, Buckets = 24;
    private static readonly long[] Sizes = [1_000_000, 5_000_000];

    public static async Task RunAsync(Report report, CancellationToken token)
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-bench-").FullName;
        try
        {
            await using var redis = await RedisServer.StartAsync(folder, token);
            foreach (var size in Sizes)
            {
                redis.Flush();
                var memory = redis.DataMemory;
                await FillAsync(redis, size, token);
                var bytes = (double)(redis.DataMemory - memory) / size;
                var (seconds, cpu, redisCpu) = await LoadAsync(redis, size, token);
                report.Add(Name, $"loading a lane's horizon of {size / 1_000_000}M events, s", Report.Figure(seconds),
                    $"{Report.Figure(seconds * 1e6 / size)} s a million; CPU of the process {Report.Figure(cpu * 1e6 / size)} s, of Redis {Report.Figure(redisCpu * 1e6 / size)} s a million; {Report.Figure(bytes)} bytes of Redis an event");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static RedisPositionStore Open(RedisServer redis) =>
        new(new PositionOptions { Connection = redis.Endpoint, KeyPrefix = "horizon" }, TimeProvider.System);

    private static UInt128 Fingerprint(long offset) => SipHash128.Hash(BitConverter.GetBytes(offset));

    private static async Task FillAsync(RedisServer redis, long size, CancellationToken token)
    {
        await using var store = Open(redis);
        var lane = await store.AcquireAsync(0, token);
        var commit = new LaneCommit { Partition = 0, Epoch = lane.Epoch, ExpectedOffset = lane.NextOffset, Revision = lane.Revision, Ids = new IdTable() };
        for (var offset = 0L; offset < size;)
        {
            commit.Bucket = offset * Buckets / size;
            for (var end = Math.Min(size, offset + BatchRecords); offset < end; offset++)
            {
                commit.Seen.Add(new SeenEntry(Fingerprint(offset), offset));
            }

            commit.NextOffset = offset;
            if (await store.CommitAsync(commit, token) != CommitOutcome.Applied)
            {
                throw new WrongResultException($"{Name}: Redis refused a commit.");
            }

            commit.ExpectedOffset = offset;
            commit.Revision++;
            commit.Clear();
        }
    }

    private static async Task<(double Seconds, double Cpu, double RedisCpu)> LoadAsync(RedisServer redis, long size, CancellationToken token)
    {
        await using var store = Open(redis);
        await store.AcquireAsync(0, token);
        var status = new LaneStatus { Topic = Servers.Topic, Partition = 0 };
        var stage = new DedupeStage(new DedupeOptions(), status, TimeProvider.System) { JudgedOffset = size };
        var (cpu, redisCpu) = (Environment.CpuUsage.TotalTime, ProcessCpu.Seconds(redis.ProcessId));
        var started = Stopwatch.GetTimestamp();
        var loaded = 0L;
        await foreach (var (bucket, entries) in store.LoadSeenAsync(0, token))
        {
            stage.Load(bucket, entries);
            loaded += entries.Length;
        }

        var result = (Stopwatch.GetElapsedTime(started).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds, ProcessCpu.Seconds(redis.ProcessId) - redisCpu);
        WrongResultException.ThrowUnlessEqual($"{Name}: fingerprints loaded", size, loaded);
        Check(stage, size);
        return result;
    }

    // Every second one is from the horizon, spread over all of it.
    private static void Check(DedupeStage stage, long size)
    {
        var batch = new RecordBatch(Probes, Probes);
        for (var i = 0; i < Probes; i++)
        {
            batch.Add(size + i, 0, default, hasKey: false, default, hasValue: false, headers: null);
            batch.Movements[i].Fingerprint = Fingerprint(i % 2 == 0 ? size * i / Probes : size + i);
        }

        batch.NextOffset = size + Probes;
        stage.Apply(batch);
        WrongResultException.ThrowUnlessEqual($"{Name}: probes from the horizon that are duplicates", Probes / 2, batch.Verdicts.Take(Probes).Where((verdict, i) => i % 2 == 0 && verdict == Verdict.Duplicate).Count());
        WrongResultException.ThrowUnlessEqual($"{Name}: new probes that are accepted", Probes / 2, batch.Verdicts.Take(Probes).Where((verdict, i) => i % 2 == 1 && verdict == Verdict.Accepted).Count());
    }
}
