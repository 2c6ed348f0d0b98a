using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary><c>processor quality</c>: data quality rules, their results, and what they hold in quarantine.</summary>
public static class QualityCommand
{
    public static Command Create()
    {
        var (url, rules, format) = (Peers.ClickHouseUrl(), Rules(), LineageCommand.Format());
        var command = new Command("quality", $"""
            The data quality rules with their latest results.

            Examples:
              processor quality
              processor quality run
              processor quality quarantine list
              processor quality release --rule giant_sale --limit 10

            {Peers.Help}

            Exit codes: 0 done, 1 a critical rule fails or nothing was found, 2 wrong usage, 3 a server or file can not be used.
            """) { Run(), Release(), QuarantineOf() };
        command.Options.Add(url);
        command.Options.Add(rules);
        command.Options.Add(format);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("quality", async () =>
        {
            var declared = QualityRules.Load(parsed.GetValue(rules));
            using var client = Peers.ClickHouse(parsed.GetValue(url));
            var current = (await new QualityLog(client).CurrentAsync(token).ConfigureAwait(false)).ToDictionary(result => result.Rule);
            return Show(declared.Select(rule => current.GetValueOrDefault(rule.Name) ?? Never(rule)), parsed.GetValue(format)!, parsed.InvocationConfiguration.Output);
        }));
        return command;
    }

    private static Command Run()
    {
        var (url, rules, format) = (Peers.ClickHouseUrl(), Rules(), LineageCommand.Format());
        var topic = new Option<string>("--movements") { Description = "Topic of the movements.", HelpName = "name", DefaultValueFactory = _ => "inventory.movements" };
        var command = new Command("run", """
            Evaluate the rules now and keep the results. Ids that the ledger has and the reference topics lack are found by the processor only,
            which has read those topics.

            Exit codes: 0 no critical rule fails, 1 one does, 2 wrong usage, 3 a server or file can not be used.
            """) { url, rules, topic, format };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("quality run", async () =>
        {
            var declared = QualityRules.Load(parsed.GetValue(rules));
            using var client = Peers.ClickHouse(parsed.GetValue(url));
            var evaluator = new QualityEvaluator(client, parsed.GetValue(topic)!, null);
            var waiting = await evaluator.QuarantinedAsync(token).ConfigureAwait(false);
            var results = new List<QualityResult>();
            foreach (var rule in declared)
            {
                results.Add(await evaluator.EvaluateAsync(rule, TimeProvider.System.GetUtcNow(), waiting, token).ConfigureAwait(false));
            }

            await new QualityLog(client).WriteAsync(results, token).ConfigureAwait(false);
            return Show(results, parsed.GetValue(format)!, parsed.InvocationConfiguration.Output);
        }));
        return command;
    }

    private static Command Release()
    {
        var (flags, topic, url) = (new Peers.KafkaFlags(), Topic(), Peers.ClickHouseUrl());
        var rule = new Option<string>("--rule") { Description = "Release what this rule holds.", HelpName = "name", Required = true };
        var limit = QueryCommand.Limit(1000);
        var by = new Option<string>("--by") { Description = "Who releases it. Default: the user of this machine.", HelpName = "name", DefaultValueFactory = _ => Environment.UserName };
        var (dryRun, yes) = (new Option<bool>("--dry-run") { Description = "Count only, send nothing." }, new Option<bool>("--yes", "-y") { Description = "Do not ask." });
        var command = new Command("release", """
            Let records pass that a rule holds: they are sent again to their topic with a header that names the rule and their bytes, the oldest first.
            Table quality_releases keeps who released what. A record that another rule holds too goes back to quarantine under that rule.

            Exit codes: 0 sent, 1 nothing waits, or the answer was no, 2 wrong usage, 3 a server can not be used.
            """) { rule, limit, by, dryRun, yes, topic, url };
        flags.AddTo(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("quality release", async () =>
        {
            using var client = Peers.ClickHouse(parsed.GetValue(url));
            var log = new QualityLog(client);
            var letters = new DeadLetterTopic(flags.Read(parsed), parsed.GetValue(topic)!);
            var released = await log.ReleasedAsync(letters.Name, token).ConfigureAwait(false);
            var name = parsed.GetRequiredValue(rule);
            var waiting = Held(letters, name, token).Where(letter => !released.ContainsKey((letter.Partition, letter.Offset)) && letter.SourceTopic is not null)
                .Take(parsed.GetValue(limit)).ToList();
            var output = parsed.InvocationConfiguration.Output;
            if (waiting.Count == 0 || parsed.GetValue(dryRun))
            {
                await output.WriteLineAsync($"{waiting.Count} would be released from rule {name}").ConfigureAwait(false);
                return waiting.Count > 0 ? ExitCode.Ok : ExitCode.CheckFailed;
            }

            if (!parsed.GetValue(yes) && !await DlqCommand.ConfirmAsync($"Release {waiting.Count} records from rule {name}? [y/N] ", output, token).ConfigureAwait(false))
            {
                await output.WriteLineAsync("nothing was released").ConfigureAwait(false);
                return ExitCode.CheckFailed;
            }

            var who = parsed.GetRequiredValue(by);
            var notes = waiting.Select(letter => (letter.Partition, letter.Offset, name, letter.Source)).ToList();
            await log.NoteAsync(letters.Name, notes, "begun", who, TimeProvider.System.GetUtcNow(), token).ConfigureAwait(false);
            await letters.SendAsync(waiting, token, (letter, headers) =>
            {
                headers.Add(Quarantine.ReleaseHeader, Encoding.UTF8.GetBytes(Quarantine.Token(name, letter.Value)));
                headers.Add(Quarantine.ReleasedByHeader, Encoding.UTF8.GetBytes(who));
            }).ConfigureAwait(false);
            await log.NoteAsync(letters.Name, notes, "sent", who, TimeProvider.System.GetUtcNow(), token).ConfigureAwait(false);
            await output.WriteLineAsync($"{waiting.Count} released from rule {name}").ConfigureAwait(false);
            return ExitCode.Ok;
        }));
        return command;
    }

    private static Command QuarantineOf()
    {
        var (flags, topic, url, format) = (new Peers.KafkaFlags(), Topic(), Peers.ClickHouseUrl(), LineageCommand.Format());
        var rule = new Option<string?>("--rule") { Description = "Only what this rule holds.", HelpName = "name" };
        var limit = QueryCommand.Limit(50);
        var list = new Command("list", $"Records in quarantine, the oldest first, and who released those that were.\n\n{ExitCode.Help}") { rule, limit, topic, url, format };
        flags.AddTo(list);
        list.SetAction((parsed, token) => ExitCode.GuardAsync("quality quarantine list", async () =>
        {
            using var client = Peers.ClickHouse(parsed.GetValue(url));
            var letters = new DeadLetterTopic(flags.Read(parsed), parsed.GetValue(topic)!);
            var released = await new QualityLog(client).ReleasedAsync(letters.Name, token).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            var table = new TerminalTable("letter", "held at (UTC)", "rule", "source", "key", "why", "released by");
            var rows = 0;
            foreach (var letter in Held(letters, parsed.GetValue(rule), token).Take(parsed.GetValue(limit)))
            {
                rows++;
                var by = released.GetValueOrDefault((letter.Partition, letter.Offset));
                if (parsed.GetValue(format) == "json")
                {
                    await output.WriteLineAsync(Json(letter, by)).ConfigureAwait(false);
                    continue;
                }

                table.Add(letter.Id, DeadLetterView.Time(letter.FailedAt), Quarantine.RuleOf(letter.Message), letter.Source, letter.Key is null ? "" : Encoding.UTF8.GetString(letter.Key),
                    letter.Message, by ?? "");
            }

            if (parsed.GetValue(format) != "json")
            {
                table.Write(output);
                await output.WriteLineAsync($"{rows} shown").ConfigureAwait(false);
            }

            return ExitCode.Ok;
        }));
        return new Command("quarantine", "What the rules hold.") { list };
    }

    private static IEnumerable<DeadLetter> Held(DeadLetterTopic topic, string? rule, CancellationToken token)
    {
        var code = RejectReason.Quarantined.Code();
        return topic.Read(letter => letter.Reason == code && (rule is null || Quarantine.RuleOf(letter.Message) == rule), token).OrderBy(letter => letter.FailedAt);
    }

    private static int Show(IEnumerable<QualityResult> results, string format, TextWriter output)
    {
        var all = results.ToList();
        if (format == "json")
        {
            output.WriteLine(JsonSerializer.Serialize(new QualityPayload(all), ServeJson.Default.QualityPayload));
        }
        else
        {
            var table = new TerminalTable("rule", "kind", "severity", "status", "observed", "usual", "bound", "violations", "evaluated (UTC)", "for example");
            table.Align(4, 5, 6, 7);
            foreach (var result in all)
            {
                table.Add(result.Rule, result.Kind, result.Severity, result.Status, Number(result.Observed), Number(result.Expected), Number(result.Threshold),
                    result.Violations.ToString("N0", CultureInfo.InvariantCulture), result.EvaluatedAt == DateTime.UnixEpoch ? "" : QueryCommand.Time(result.EvaluatedAt),
                    result.Samples.Count > 0 ? result.Samples[0] : "");
            }

            table.Write(output);
        }

        return all.Exists(result => result.IsCritical) ? ExitCode.CheckFailed : ExitCode.Ok;
    }

    private static QualityResult Never(QualityRule rule) => new(rule.Name, rule.KindName, rule.Severity, rule.Description, QualityStatus.Unknown, DateTime.UnixEpoch,
        DateTime.UnixEpoch, DateTime.UnixEpoch, null, null, rule.Threshold, 0, ["not evaluated within a week"]);

    private static string Json(DeadLetter letter, string? releasedBy)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", letter.Id);
            json.WriteString("held_at", letter.FailedAt);
            json.WriteString("rule", Quarantine.RuleOf(letter.Message));
            json.WriteString("source", letter.Source);
            json.WriteString("key", letter.Key is null ? null : Encoding.UTF8.GetString(letter.Key));
            json.WriteString("message", letter.Message);
            json.WriteString("released_by", releasedBy);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static string Number(double? value) => value?.ToString("0.####", CultureInfo.InvariantCulture) ?? "";

    private static Option<string?> Rules() => new("--rules") { Description = "File of the rules. Default: schemas/quality.yml beside the program.", HelpName = "file" };

    private static Option<string> Topic() => new("--topic") { Description = "The dead-letter topic.", HelpName = "name", DefaultValueFactory = _ => "inventory.dead-letters" };
}
