using System.CommandLine;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary><c>processor reconcile</c>: whether Redis and the ledger agree, and setting them right.</summary>
public static class ReconcileCommand
{
    public static Command Create()
    {
        var config = Settings.FileOption();
        var since = new Option<string?>("--since") { Description = "Look for duplicates among records since a time (ISO 8601) or within a duration (15m, 2h, 7d). Default: all.", HelpName = "time" };
        var apply = new Option<bool>("--apply") { Description = "Send compensations and repair drifting positions." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var wait = new Option<int>("--wait-seconds") { Description = "How long to wait for the ledger to reach what Redis holds.", HelpName = "n", DefaultValueFactory = _ => 60 };
        wait.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(int.TryParse(result.Tokens[0].Value, out var seconds) && seconds is >= 0 and <= 86400))
            {
                result.AddError("--wait-seconds must be from 0 to 86400.");
            }
        });
        var command = new Command("reconcile", """
            Compares every position in Redis with the ledger as of the same offset, while processors run, and finds events that counted twice
            because they came again after the duplicate horizon (dedupe.horizonHours).

            With --apply a duplicate gets compensating movements on the movements' topic, marked with corrects_event_id, and a position
            that differs is set to what the ledger has. Nothing is ever edited in the ledger; table reconciliation says what was done. An
            event_id that was used for a different fact is reported only. Running it again changes nothing more.

            Exit codes: 0 everything agrees, 1 differences were found (with --apply too), 2 wrong usage, 3 a server can not be used or a
            partition could not be compared or repaired.

            Examples:
              processor reconcile --config production.json
              processor reconcile --config production.json --since 7d --apply
            """) { config, since, apply, json, wait };
        Settings.AddFlags(command);

        command.SetAction((parsed, token) => ExitCode.GuardAsync("processor reconcile", async () =>
        {
            var options = RebuildCommand.Load(parsed.GetValue(config), parsed);
            var sinceTs = parsed.GetValue(since) is { } text
                ? new DateTimeOffset(Peers.Since(text, TimeProvider.System), TimeSpan.Zero).ToUnixTimeMilliseconds()
                : 0;
            return await RunAsync(options, sinceTs, TimeSpan.FromSeconds(parsed.GetValue(wait)), parsed.GetValue(apply), parsed.GetValue(json),
                parsed.InvocationConfiguration.Output, token);
        }));
        return command;
    }

    private static async Task<int> RunAsync(
        ProcessorOptions options, long sinceTs, TimeSpan wait, bool apply, bool json, TextWriter output, CancellationToken token)
    {
        var time = TimeProvider.System;
        var runId = Guid.CreateVersion7().ToString();
        var topic = options.Kafka.Topic;
        using var offsets = new GroupOffsets(options.Kafka);
        await using var redis = new RedisReconcile(options.Positions, time);
        using var clickHouse = new ClickHouseClient(options.Clickhouse);
        var log = new ReconciliationLog(clickHouse, runId, topic, time);
        var reconciler = new Reconciler(topic, await offsets.CountPartitionsAsync(), redis, new LedgerSnapshot(clickHouse), new DurableOffsets(offsets, time), log, wait, time);
        var comparison = await reconciler.CompareAsync(token);
        var duplicates = await Duplicates.FindAsync(new LedgerDuplicates(clickHouse), topic, sinceTs, token);

        long repaired = 0, sent = 0;
        if (apply)
        {
            await new Migrations(clickHouse, Migrations.DefaultFolder).ApplyAsync(token);
            sent = await CompensateAsync(options, duplicates.Open, log, runId, token);
            foreach (var lane in comparison.Drifts.GroupBy(drift => drift.Partition))
            {
                var count = await reconciler.RepairAsync(lane.Key, [.. lane], token);
                repaired += Math.Max(0, count);
                if (count < 0)
                {
                    comparison.Leave(lane.Key, "could not be repaired: the ledger does not reach Redis' offset, or another repair holds it; run again");
                }
            }
        }

        var result = new ReconcileResult(time.GetUtcNow().ToUnixTimeMilliseconds(), comparison.Compared, comparison.Drifting, comparison.Unsettled,
            duplicates.Open.Count, duplicates.Reused.Count, repaired, sent);
        await redis.SaveAsync(result, token);
        var report = new ReconcileReport(runId, comparison, duplicates, result);
        if (json)
        {
            report.WriteJson(output);
        }
        else
        {
            report.Write(output);
        }

        foreach (var (partition, reason) in comparison.Incomplete)
        {
            await Console.Error.WriteLineAsync($"processor reconcile: partition {partition}: {reason}");
        }

        return comparison.Incomplete.Count > 0 ? ExitCode.Unreachable : report.IsClean ? ExitCode.Ok : ExitCode.CheckFailed;
    }

    private static async Task<long> CompensateAsync(
        ProcessorOptions options, List<OpenDuplicate> duplicates, ReconciliationLog log, string runId, CancellationToken token)
    {
        const int Together = 500;
        if (duplicates.Count == 0)
        {
            return 0;
        }

        var sent = 0L;
        using var sender = await MovementSender.CreateAsync(options, token);
        foreach (var chunk in duplicates.Chunk(Together))
        {
            var rows = Array.ConvertAll(chunk, d => new ReconciliationRow("duplicate", d.Event.Second.Partition, d.Event.Second.Offset, d.Event.Second.SkuId, d.Event.Second.LocationId)
            {
                EventId = d.Event.Second.EventId,
                Found = new Dictionary<string, long> { ["first_offset"] = d.Event.First.Offset },
                Compensations = [d.Compensation.EventId],
            });
            await log.WriteAsync("planned", rows, token);
            foreach (var duplicate in chunk)
            {
                var second = duplicate.Event.Second;

                // The duplicate's own partition is its SKU's.
                await sender.SendAsync(second.Partition, second.SkuId, duplicate.Compensation.Fields(second, runId, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()), token);
                sent++;
            }

            await log.WriteAsync("compensated", rows, token);
        }

        return sent;
    }
}
