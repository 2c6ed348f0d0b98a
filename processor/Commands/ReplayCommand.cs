using System.CommandLine;
using System.Globalization;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary><c>processor replay</c>: the past once more, beside the present.</summary>
public static class ReplayCommand
{
    private static readonly Option<string?> Config = new("--config") { Description = "Settings file. Default: appsettings.json here, else beside the program." };

    private static readonly Option<string> Name = new("--name")
    {
        Description = "Name of the shadow: lower-case letters, digits and _.",
        HelpName = "name",
        DefaultValueFactory = _ => "replay",
    };

    public static Command Create()
    {
        var from = new Option<string>("--from") { Description = "Where to begin: an offset, a time (ISO 8601), a duration back from now (2h, 7d), or 'beginning'.", HelpName = "place", Required = true };
        var to = new Option<string>("--to") { Description = "Where to end, likewise; 'end' is what the group has committed.", HelpName = "place", DefaultValueFactory = _ => "end" };
        var source = new Option<string>("--source") { Description = "Where the records come from: kafka, or raw_events, which keeps them longer.", DefaultValueFactory = _ => "kafka" };
        source.AcceptOnlyFromAmong("kafka", "raw_events");
        var command = new Command("replay", $"""
            Processes a range of the past again with this version and these settings, while the live processing goes on, and compares the result
            with the live data as of the same offsets.

            The result lives apart: database CLICKHOUSE_replay_NAME and Redis prefix PREFIX-replay-NAME. No dead letters are sent. 'replay switch'
            makes it the live data: the ledgers change places in one step, and every lane's positions are rebuilt from the new one.
            'replay drop' frees it; after a switch it holds the former ledger.

            {ExitCode.Help} 1 if the replay differs from the live data.

            Examples:
              processor replay --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z
              processor replay --from beginning --source raw_events --name fix_returns
              processor replay switch --name fix_returns
              processor replay drop --name fix_returns
            """) { from, to, source };
        AddShared(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("processor replay", () =>
            RunAsync(RebuildCommand.Load(parsed.GetValue(Config), parsed), CheckName(parsed), parsed.GetValue(from)!, parsed.GetValue(to)!,
                parsed.GetValue(source) == "kafka", parsed.InvocationConfiguration.Output, token)));

        var switches = new Command("switch", "Makes a finished replay the live data. May be run again if it broke off.");
        AddShared(switches);
        switches.SetAction((parsed, token) => ExitCode.GuardAsync("processor replay switch", () =>
            SwitchAsync(RebuildCommand.Load(parsed.GetValue(Config), parsed), CheckName(parsed), parsed.InvocationConfiguration.Output, token)));

        var drop = new Command("drop", "Frees a replay; after a switch, the former ledger.");
        AddShared(drop);
        drop.SetAction((parsed, token) => ExitCode.GuardAsync("processor replay drop", () =>
            DropAsync(RebuildCommand.Load(parsed.GetValue(Config), parsed), CheckName(parsed), parsed.InvocationConfiguration.Output, token)));
        command.Subcommands.Add(switches);
        command.Subcommands.Add(drop);
        return command;
    }

    private static void AddShared(Command command)
    {
        command.Options.Add(Config);
        command.Options.Add(Name);
        Settings.AddFlags(command);
    }

    private static async Task<int> RunAsync(ProcessorOptions live, string name, string from, string to, bool fromKafka, TextWriter output, CancellationToken token)
    {
        var shadow = Shadow(live, name);
        using var offsets = new GroupOffsets(live.Kafka);
        using var clickHouse = new ClickHouseClient(live.Clickhouse);
        SetupException.ThrowIf(await ShadowLedger.ExistsAsync(clickHouse, shadow.Clickhouse.Database, token),
            $"There is a replay '{name}' already; 'processor replay drop --name {name}' frees it.");
        IReplayInput input = fromKafka ? new KafkaReplayInput(live.Kafka) : new RawEventsReplayInput(clickHouse, live.Kafka.Topic);
        var ranges = new List<OffsetRange>();
        foreach (var partition in Enumerable.Range(0, await offsets.CountPartitionsAsync()))
        {
            ranges.Add(await FindAsync(partition, from, to, offsets, input, fromKafka, token));
        }

        await output.WriteLineAsync(Text($"replays {ranges.Sum(range => range.Length):N0} offsets of {ranges.Count} partitions into database {shadow.Clickhouse.Database} and Redis prefix {shadow.Positions.KeyPrefix}"));
        var replay = new Replay(live, shadow, ranges, input, output, TimeProvider.System);
        await replay.RunAsync(offsets, token);
        var (accepted, duplicates, deadLetters) = replay.Counts();
        await output.WriteLineAsync(Text($"replayed: {accepted:N0} accepted, {duplicates:N0} duplicates, {deadLetters:N0} dead letters"));
        await using var positions = new RedisPositionStore(shadow.Positions, TimeProvider.System);
        var isSame = await new ReplayComparison(live.Kafka.Topic, new LedgerSnapshot(clickHouse),
            new ShadowLedger(clickHouse, shadow.Clickhouse.Database, live.Kafka.Topic, ranges), positions, output).RunAsync(ranges, token);
        await output.WriteLineAsync(isSame
            ? $"the replay is equal to the live data; 'processor replay drop --name {name}' frees it"
            : $"the replay differs from the live data; 'processor replay switch --name {name}' makes it live, 'processor replay drop --name {name}' frees it");
        return isSame ? ExitCode.Ok : ExitCode.CheckFailed;
    }

    private static async Task<int> SwitchAsync(ProcessorOptions live, string name, TextWriter output, CancellationToken token)
    {
        var database = Shadow(live, name).Clickhouse.Database;
        using var clickHouse = new ClickHouseClient(live.Clickhouse);
        var ranges = await ShadowLedger.RangesAsync(clickHouse, database, token);
        SetupException.ThrowIf(ranges.Count == 0, $"There is no finished replay '{name}' that has not been switched to.");
        var shadow = new ShadowLedger(clickHouse, database, live.Kafka.Topic, ranges);
        await output.WriteLineAsync("switches the ledger");
        await shadow.SwitchAsync(TimeProvider.System, token);
        await output.WriteLineAsync($"the ledger is switched; the former one is {database}.ledger. Rebuilds the positions from the new one:");
        var code = await RebuildCommand.RunAsync(live, only: null, dryRun: false, output, token);
        await output.WriteLineAsync(code == ExitCode.Ok
            ? $"switched; 'processor replay drop --name {name}' frees the former ledger"
            : "the ledger is switched, but not all positions are rebuilt: run 'processor rebuild' until it succeeds");
        return code;
    }

    private static async Task<int> DropAsync(ProcessorOptions live, string name, TextWriter output, CancellationToken token)
    {
        var shadow = Shadow(live, name);
        using var clickHouse = new ClickHouseClient(live.Clickhouse);
        await ShadowLedger.DropAsync(clickHouse, shadow.Clickhouse.Database, token);
        await using var redis = new RedisRebuild(shadow.Positions, TimeProvider.System);
        var keys = await redis.DropAsync(token);
        await output.WriteLineAsync(Text($"dropped database {shadow.Clickhouse.Database} and {keys:N0} keys of Redis"));
        return ExitCode.Ok;
    }

    private static async Task<OffsetRange> FindAsync(
        int partition, string from, string to, GroupOffsets offsets, IReplayInput input, bool fromKafka, CancellationToken token)
    {
        var place = await offsets.ReadAsync(partition);

        // Beyond the commit the live ledger may lack rows, and there would be nothing to compare with.
        var end = Math.Max(0, place.Committed);
        var range = new OffsetRange(partition, Math.Min(end, await FindAsync(from, "--from")), Math.Min(end, await FindAsync(to, "--to")));
        var first = end == 0 ? 0 : await input.FirstAsync(partition, token);
        SetupException.ThrowIf(range.Length > 0 && range.From < first,
            $"Partition {partition}: {(fromKafka ? "the topic" : "raw_events")} begins at offset {first}, after {range.From}.{(fromKafka ? " Take --source raw_events, or a later --from." : " Take a later --from.")}");
        return range;

        async Task<long> FindAsync(string text, string option)
        {
            if (text is "beginning" or "end")
            {
                return text == "end" ? end : 0;
            }

            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
                ? offset
                : await input.OffsetAtAsync(partition, new DateTimeOffset(Peers.Since(text, TimeProvider.System, option), TimeSpan.Zero), end, token);
        }
    }

    // A lane may wait long for ClickHouse: nobody reads a replay's gap again.
    private static ProcessorOptions Shadow(ProcessorOptions live, string name) => live with
    {
        Positions = live.Positions with { KeyPrefix = $"{live.Positions.KeyPrefix}-replay-{name}" },
        Clickhouse = live.Clickhouse with { Database = $"{live.Clickhouse.Database}_replay_{name}" },
        History = live.History with { PatienceSeconds = 3600 },
    };

    private static string CheckName(ParseResult parsed)
    {
        var name = parsed.GetValue(Name)!;
        return name.Length is > 0 and <= 32 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_')
            ? name
            : throw new UsageException($"--name '{name}' must be 1 to 32 lower-case letters, digits and _");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
