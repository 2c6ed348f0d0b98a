using System.CommandLine;
using System.Globalization;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Window;

namespace Stockflow.Commands;

/// <summary><c>processor close</c> and <c>processor period</c>: hours and accounting periods by hand.</summary>
public static class CloseCommand
{
    public static Command Create()
    {
        var config = Settings.FileOption();
        var through = new Option<string?>("--through") { Description = "Close the hours that end until a time (ISO 8601) though the watermark has not passed them. Default: as the watermark allows.", HelpName = "time" };
        var command = new Command("close", $"""
            Closes hours and days, restates what late and corrected events have changed since, and prints what it did. Running it again changes
            nothing. Processors do the same by themselves; use it where they are stopped or started with --close.enabled false.

            {ExitCode.Help}

            Examples:
              processor close --config production.json
              processor close --config production.json --through 2026-03-01T00:00:00Z
            """) { config, through };
        Settings.AddFlags(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("processor close", async () =>
        {
            var options = Settings.LoadAsUsage(parsed.GetValue(config), parsed);
            var time = TimeProvider.System;
            using var clickHouse = new ClickHouseClient(options.Clickhouse);
            await new Migrations(clickHouse, Migrations.DefaultFolder).ApplyAsync(token);
            using var offsets = new GroupOffsets(options.Kafka);
            var partitions = await offsets.CountPartitionsAsync();
            var closeTs = parsed.GetValue(through) is { } text ? Time(text, "--through") : await WatermarkAsync(options, partitions, time, token);
            var ledger = new CloseLedger(clickHouse, options.Kafka.Topic);
            await ledger.WriteSettingsAsync(options.Close.Measures, token);
            var started = time.GetTimestamp();
            var outcome = await new HourClose(ledger, options.Close, _ => Task.FromResult(true))
                .RunAsync(closeTs, await offsets.ReadCommittedAsync([.. Enumerable.Range(0, partitions)]), token);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"closed through {Text(outcome.ThroughTs)}: {outcome.Hours:N0} hours, {outcome.Keys:N0} positions restated, {outcome.Postings:N0} postings, {time.GetElapsedTime(started).TotalSeconds:N1} s"));
            return ExitCode.Ok;
        }));
        return command;
    }

    public static Command CreatePeriod()
    {
        var config = Settings.FileOption();
        var through = new Option<string>("--through") { Description = "End of the period: midnight UTC (2026-03-01).", Required = true, HelpName = "day" };
        var keep = new Command("lock", """
            Locks all closed hours and days that end until a day. Their rows stay as they are; what comes late for them is written to
            period_postings, in the first open hour. A lock is never taken back.

            Examples:
              processor period lock --config production.json --through 2026-03-01
            """) { config, through };
        Settings.AddFlags(keep);
        keep.SetAction((parsed, token) => ExitCode.GuardAsync("processor period lock", async () =>
        {
            var ts = Time(parsed.GetValue(through)!, "--through");
            if (ts % ClosePlan.Day != 0)
            {
                throw new UsageException("--through must be midnight UTC: a day is locked as a whole.");
            }

            var options = Settings.LoadAsUsage(parsed.GetValue(config), parsed);
            using var clickHouse = new ClickHouseClient(options.Clickhouse);
            var ledger = new CloseLedger(clickHouse, options.Kafka.Topic);
            var closed = (await ledger.ProgressAsync(token)).ThroughTs;
            SetupException.ThrowIf(ts > closed, $"hours are closed through {Text(closed)} only; a period can be locked once it is closed");
            await ledger.LockAsync(ts, Environment.UserName, token);
            await parsed.InvocationConfiguration.Output.WriteLineAsync($"locked through {Text(ts)}");
            return ExitCode.Ok;
        }));
        var listConfig = Settings.FileOption();
        var list = new Command("list", "Prints the locked periods, with who locked them and when, and how much was posted to them since.") { listConfig };
        Settings.AddFlags(list);
        list.SetAction((parsed, token) => ExitCode.GuardAsync("processor period list", async () =>
        {
            var options = Settings.LoadAsUsage(parsed.GetValue(listConfig), parsed);
            using var clickHouse = new ClickHouseClient(options.Clickhouse);
            await foreach (var row in new CloseLedger(clickHouse, options.Kafka.Topic).LocksAsync(token))
            {
                await parsed.InvocationConfiguration.Output.WriteLineAsync($"through {Text(row.ThroughTs)}, locked at {row.LockedAt} by {row.LockedBy}, {row.Postings} postings");
            }

            return ExitCode.Ok;
        }));
        return new Command("period", "Locks accounting periods, and lists the locked ones.") { keep, list };
    }

    private static async Task<long> WatermarkAsync(ProcessorOptions options, int partitions, TimeProvider time, CancellationToken token)
    {
        SetupException.ThrowIf(options.Positions.Connection == "memory", "positions.connection is memory: the watermark is in the processor; give --through.");
        await using var store = new RedisPositionStore(options.Positions, time);
        var status = new ProcessorStatus();
        await store.CheckAsync(token);
        await new GlobalWatermark(store, partitions, status, time).RefreshAsync(token);
        SetupException.ThrowIf(status.GlobalCloseTs == 0, "no watermark yet: a partition has had no event; give --through.");
        return status.GlobalCloseTs;
    }

    private static long Time(string text, string option) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time.ToUnixTimeMilliseconds()
            : throw new UsageException($"{option}: '{text}' is not a time such as 2026-03-01T00:00:00Z.");

    private static string Text(long ts) => DateTimeOffset.FromUnixTimeMilliseconds(ts).ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);
}
