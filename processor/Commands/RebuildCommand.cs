using System.CommandLine;
using System.Globalization;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary><c>processor rebuild</c>: the positions in Redis, anew from the ledger.</summary>
public static class RebuildCommand
{
    public static Command Create()
    {
        var config = Settings.FileOption();
        var only = new Option<string?>("--partitions") { Description = "Partitions to rebuild. Default: all.", HelpName = "0,3-5" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would be done; change nothing." };
        var command = new Command("rebuild", $"""
            Computes the positions in Redis anew from the ledger in ClickHouse, after Redis lost data or holds wrong ones.

            Each partition is filled beside the data in use, read back and then replaced in one step; until then the old data serves. It holds
            what the ledger had at the group's committed offset, and processors, running or started later, go on from there. A run that
            dies changes nothing of what serves; run it again. Settings are those of 'processor run' (kafka, positions, clickhouse, dedupe).

            {ExitCode.Help}

            Examples:
              processor rebuild --kafka.bootstrap-servers broker:9092 --positions.connection redis:6379 --clickhouse.url http://clickhouse:8123
              processor rebuild --config production.json --partitions 0,3-5 --dry-run
            """) { config, only, dryRun };
        Settings.AddFlags(command);

        command.SetAction((parsed, token) => ExitCode.GuardAsync("processor rebuild", async () =>
        {
            var options = Load(parsed.GetValue(config), parsed);
            try
            {
                return await RunAsync(options, parsed.GetValue(only), parsed.GetValue(dryRun), parsed.InvocationConfiguration.Output, token);
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync("processor rebuild: stopped; lanes that were not switched are as they were");
                return ExitCode.CheckFailed;
            }
        }));
        return command;
    }

    /// <summary>The settings; a wrong one is wrong usage. The positions must be in Redis: a process's own memory is nobody else's to repair.</summary>
    internal static ProcessorOptions Load(string? file, ParseResult parsed)
    {
        var options = Settings.LoadAsUsage(file, parsed);
        return options.Positions.Connection != "memory" ? options : throw new UsageException("positions.connection is memory; this command needs Redis.");
    }

    internal static async Task<int> RunAsync(ProcessorOptions options, string? only, bool dryRun, TextWriter output, CancellationToken token)
    {
        var time = TimeProvider.System;
        var started = time.GetTimestamp();
        using var loggers = options.Log.CreateFactory();
        var logger = loggers.CreateLogger("Stockflow");
        using var offsets = new GroupOffsets(options.Kafka);
        await using var redis = new RedisRebuild(options.Positions, time, logger);
        await using var store = new RedisPositionStore(options.Positions, time);
        using var clickHouse = new ClickHouseClient(options.Clickhouse);
        var partitions = await offsets.CountPartitionsAsync();
        var chosen = PartitionSet.Parse(only, partitions);
        await redis.CheckAsync(token);
        if (await redis.PartitionsAsync(options.Kafka.Topic, token) is { } pinned && pinned != partitions)
        {
            throw new SetupException($"Topic {options.Kafka.Topic} has {partitions} partitions, but the positions under '{options.Positions.KeyPrefix}' were built with {pinned}: keys would change lanes. Give the topic its former number.");
        }

        var rebuild = new LaneRebuild(options, partitions, offsets, new LedgerSnapshot(clickHouse), redis, store, output, time);
        if (dryRun)
        {
            foreach (var partition in chosen)
            {
                await rebuild.PreviewAsync(partition, token);
            }

            await output.WriteLineAsync("dry run: nothing was changed");
            return ExitCode.Ok;
        }

        var lanes = new List<RebuiltLane>();
        var failed = new List<int>();
        foreach (var partition in chosen)
        {
            try
            {
                if (await rebuild.RunAsync(partition, asOf: null, token) is { } lane)
                {
                    lanes.Add(lane);
                }
            }
            catch (Exception e) when (e is SetupException or StoreUnavailableException)
            {
                await Console.Error.WriteLineAsync($"processor rebuild: {e.Message}");
                failed.Add(partition);
            }
        }

        var freed = await redis.SweepAsync(token);
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"rebuilt {lanes.Count} of {chosen.Count} lanes: {lanes.Sum(l => l.Positions):N0} positions, {lanes.Sum(l => l.Fingerprints):N0} fingerprints, offsets {lanes.Sum(l => l.Offset):N0} in all, {freed:N0} unused keys freed, {time.GetElapsedTime(started).TotalSeconds:N1} s"));
        if (failed.Count == 0)
        {
            return ExitCode.Ok;
        }

        await Console.Error.WriteLineAsync($"processor rebuild: partitions {string.Join(',', failed)} are as they were; run again with --partitions {string.Join(',', failed)}");
        return ExitCode.Unreachable;
    }
}
