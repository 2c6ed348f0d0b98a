using System.CommandLine;
using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor dlq</c>: list, show and replay dead letters.</summary>
public static class DlqCommand
{
    public static Command Create() => new("dlq", $"""
        Work with the dead letters: records that could not be processed, kept with their bytes, headers and the reason.

        Examples:
          processor dlq list --reason unknown_sku --since 2h
          processor dlq show 3:1207
          processor dlq replay --reason unknown_sku --dry-run
          processor dlq replay 3:1207 3:1208 --yes

        {Peers.Help}

        {ExitCode.Help}
        """)
    {
        List(), Show(), Replay(),
    };

    private static Command List()
    {
        var (flags, topic, reason, since) = (new Peers.KafkaFlags(), Topic(), Reason(), Since());
        var limit = new Option<int>("--limit") { Description = "Show the latest n; 0 for all.", HelpName = "n", DefaultValueFactory = _ => 50 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line." };
        var command = new Command("list", $"List dead letters, oldest first, with a count by reason.\n\n{ExitCode.Help}") { topic, reason, since, limit, json };
        flags.AddTo(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("dlq list", async () =>
        {
            var letters = new DeadLetterTopic(flags.Read(parsed), parsed.GetValue(topic)!)
                .Read(Filter(parsed.GetValue(reason), parsed.GetValue(since)), token).OrderBy(letter => letter.FailedAt).ToList();
            var shown = parsed.GetValue(limit) is > 0 and var most ? letters.TakeLast(most) : letters;
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                foreach (var letter in shown)
                {
                    await output.WriteLineAsync(DeadLetterView.Json(letter)).ConfigureAwait(false);
                }

                return ExitCode.Ok;
            }

            var table = new TerminalTable("id", "failed at (UTC)", "reason", "source", "message");
            foreach (var letter in shown)
            {
                table.Add(letter.Id, DeadLetterView.Time(letter.FailedAt), letter.Reason, letter.Source, letter.Message);
            }

            table.Write(output);
            await output.WriteLineAsync($"{table.Rows} of {letters.Count} shown{Reasons(letters)}").ConfigureAwait(false);
            return ExitCode.Ok;
        }));
        return command;
    }

    private static Command Show()
    {
        var id = new Argument<string>("id") { Description = "partition:offset, as 'dlq list' prints it." };
        var (flags, topic, registry) = (new Peers.KafkaFlags(), Topic(), Peers.RegistryUrl());
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("show", $"Show one dead letter: headers, bytes, and the event if it can be decoded.\n\n{ExitCode.Help}") { id, topic, registry, json };
        flags.AddTo(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("dlq show", async () =>
        {
            var (partition, offset) = Id(parsed.GetRequiredValue(id));
            if (new DeadLetterTopic(flags.Read(parsed), parsed.GetValue(topic)!).Find(partition, offset, token) is not { } letter)
            {
                await Console.Error.WriteLineAsync($"dlq show: there is no dead letter {partition}:{offset}").ConfigureAwait(false);
                return ExitCode.CheckFailed;
            }

            var schemas = Peers.Schemas(parsed.GetValue(registry));
            var decoded = await DeadLetterView.DecodeAsync(letter, schemas, token).ConfigureAwait(false);
            (schemas as IDisposable)?.Dispose();
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(DeadLetterView.Json(letter, decoded)).ConfigureAwait(false);
            }
            else
            {
                DeadLetterView.Show(letter, decoded, output);
            }

            return ExitCode.Ok;
        }));
        return command;
    }

    private static Command Replay()
    {
        var ids = new Argument<string[]>("id") { Description = "partition:offset, as 'dlq list' prints it.", Arity = ArgumentArity.ZeroOrMore };
        var (flags, topic, reason, since) = (new Peers.KafkaFlags(), Topic(), Reason(), Since());
        var all = new Option<bool>("--all") { Description = "Every dead letter." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Count only, send nothing." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var command = new Command("replay", $"""
            Send dead letters to the topics they came from, with their original key, value and headers, once the cause is set right.

            They get the time of the sending. Sending one twice is harmless: an event_id counts once. The letters stay in the
            dead-letter topic.

            Exit codes: 0 sent, 1 nothing was selected, some could not be sent again, or the answer was no, 2 wrong usage, 3 Kafka can not be used.
            """)
        {
            ids, topic, reason, since, all, dryRun, yes,
        };
        flags.AddTo(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("dlq replay", async () =>
        {
            var wanted = parsed.GetValue(ids)!.Select(Id).ToHashSet();
            if (wanted.Count == 0 && parsed.GetValue(reason) is null && parsed.GetValue(since) is null && !parsed.GetValue(all))
            {
                throw new UsageException("name letters as partition:offset, or select by --reason or --since, or say --all");
            }

            var filter = Filter(parsed.GetValue(reason), parsed.GetValue(since));
            var source = new DeadLetterTopic(flags.Read(parsed), parsed.GetValue(topic)!);
            var letters = source.Read(letter => filter(letter) && (wanted.Count == 0 || wanted.Contains((letter.Partition, letter.Offset))), token).ToList();
            return await ReplayAsync(source, letters, wanted.Count, parsed.GetValue(dryRun), parsed.GetValue(yes), parsed.InvocationConfiguration.Output, token)
                .ConfigureAwait(false);
        }));
        return command;
    }

    private static async Task<int> ReplayAsync(DeadLetterTopic source, List<DeadLetter> letters, int named, bool dryRun, bool yes, TextWriter output,
        CancellationToken token)
    {
        var sendable = letters.Where(letter => letter.Obstacle(source.Name) is null).ToList();
        foreach (var letter in letters.Except(sendable))
        {
            await Console.Error.WriteLineAsync($"dlq replay: {letter.Id} stays: {letter.Obstacle(source.Name)}").ConfigureAwait(false);
        }

        var missing = Math.Max(0, named - letters.Count);
        if (missing > 0)
        {
            await Console.Error.WriteLineAsync($"dlq replay: {missing} of the named letters are not there").ConfigureAwait(false);
        }

        var topics = string.Join(", ", sendable.Select(letter => letter.SourceTopic).Distinct());
        if (sendable.Count == 0 || dryRun)
        {
            await output.WriteLineAsync($"{sendable.Count} would be sent{(sendable.Count > 0 ? " to " + topics : "")}{Reasons(sendable)}").ConfigureAwait(false);
            return sendable.Count > 0 && sendable.Count == letters.Count && missing == 0 ? ExitCode.Ok : ExitCode.CheckFailed;
        }

        if (!yes && !await ConfirmAsync($"Send {sendable.Count} records to {topics}? [y/N] ", output, token).ConfigureAwait(false))
        {
            await output.WriteLineAsync("nothing was sent").ConfigureAwait(false);
            return ExitCode.CheckFailed;
        }

        await source.SendAsync(sendable, token).ConfigureAwait(false);
        await output.WriteLineAsync($"{sendable.Count} sent to {topics}{Reasons(sendable)}").ConfigureAwait(false);
        return sendable.Count == letters.Count && missing == 0 ? ExitCode.Ok : ExitCode.CheckFailed;
    }

    internal static async Task<bool> ConfirmAsync(string question, TextWriter output, CancellationToken token)
    {
        if (Console.IsInputRedirected)
        {
            throw new UsageException("nobody is there to ask; say --yes or --dry-run");
        }

        await output.WriteAsync(question).ConfigureAwait(false);
        return (await Console.In.ReadLineAsync(token).ConfigureAwait(false))?.Trim() is "y" or "Y" or "yes";
    }

    private static Func<DeadLetter, bool> Filter(string? reason, string? since)
    {
        reason = reason?.ToLowerInvariant();
        if (reason is not null && Array.IndexOf(RejectReasons.Codes, reason) < 1)
        {
            throw new UsageException($"--reason '{reason}' is none of {string.Join(", ", RejectReasons.Codes[1..])}");
        }

        var from = since is null ? DateTime.MinValue : Peers.Since(since, TimeProvider.System);
        return letter => (reason is null || letter.Reason == reason) && letter.FailedAt >= from;
    }

    private static (int Partition, long Offset) Id(string text)
    {
        var at = text.IndexOf(':', StringComparison.Ordinal);
        return at > 0 && int.TryParse(text[..at], NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
            && long.TryParse(text[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            ? (partition, offset)
            : throw new UsageException($"'{text}' must be partition:offset, as 'dlq list' prints it");
    }

    private static string Reasons(List<DeadLetter> letters) => letters.Count == 0 ? ""
        : ": " + string.Join(", ", letters.GroupBy(letter => letter.Reason.Length > 0 ? TerminalTable.Printable(letter.Reason) : "no reason")
            .OrderByDescending(group => group.Count()).Select(group => $"{group.Key} {group.Count()}"));

    private static Option<string> Topic() => new("--topic") { Description = "The dead-letter topic.", HelpName = "name", DefaultValueFactory = _ => "inventory.dead-letters" };

    private static Option<string?> Reason() => new("--reason") { Description = "Only those with this reason code.", HelpName = "code" };

    private static Option<string?> Since() => new("--since") { Description = "Only those that failed since a time (ISO 8601) or within a duration (90s, 15m, 2h, 7d).", HelpName = "time" };
}
