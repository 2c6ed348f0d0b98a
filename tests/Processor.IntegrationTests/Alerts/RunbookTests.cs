using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Stockflow.Commands;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Alerts;

/// <summary>What a runbook tells a person to type exists: commands, paths, settings, metrics and tables.</summary>
public sealed partial class RunbookTests
{
    private static readonly string[] Sections = ["Meaning", "Impact", "Diagnosis", "Mitigation"], Programs = ["curl", "kafka-consumer-groups.sh", "redis-cli"];

    // Settings of Kafka and tables of ClickHouse that are named like our settings.
    private static readonly string[] Foreign = ["retention.ms", "enable.idempotence", "system.processes"];

    private static IEnumerable<(string Name, string Text)> Runbooks =>
        Directory.GetFiles(Path.Combine(AlertFiles.Folder, "runbooks")).Select(file => (Path.GetFileName(file), File.ReadAllText(file)));

    [Fact]
    public void Every_alert_has_a_runbook_with_all_sections_and_no_runbook_is_left_over()
    {
        Assert.Equal(AlertFiles.Alerts.Select(rule => rule.Alert + ".md").Distinct().Order(), Runbooks.Select(book => book.Name).Order());
        Assert.All(Runbooks, book =>
        {
            var parts = Heading().Split(book.Text);
            Assert.Equal($"# {Path.GetFileNameWithoutExtension(book.Name)}", parts[0].Trim());
            Assert.Equal(Sections, Heading().Matches(book.Text).Select(heading => heading.Groups[1].Value));
            Assert.All(parts.Where((_, i) => i > 0 && i % 2 == 0), text => Assert.True(text.Trim().Length > 20, text));
            Assert.Contains("```", parts[6], StringComparison.Ordinal);
            Assert.All(Fence().Matches(book.Text), fence => Assert.Contains(fence.Groups["language"].Value, (string[])["sh", "promql", "sql"]));
        });
    }

    [Fact]
    public void Every_alert_and_metric_that_is_named_exists()
    {
        var alerts = AlertFiles.Alerts.Select(rule => rule.Alert).ToHashSet(StringComparer.Ordinal);
        Assert.All(Runbooks, book =>
        {
            Assert.All(AlertName().Matches(book.Text), name => Assert.Contains(name.Value, alerts));
            Assert.All(MetricName().Matches(book.Text), name => Assert.True(NamedMetrics.IsKnown(name.Value), $"{book.Name}: there is no metric {name.Value}"));
        });
    }

    [Fact]
    public async Task Every_query_of_Prometheus_is_right()
    {
        var queries = Runbooks.SelectMany(book => Blocks(book.Text, "promql").Select(query => (book.Name, Query: query.Trim()))).ToArray();
        Assert.All(queries, query => Assert.True(!NamedMetrics.Faults(query.Query).Any(), $"{query.Name}: {string.Join("; ", NamedMetrics.Faults(query.Query))}"));
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "groups:\n- name: runbooks\n  rules:\n" + string.Concat(queries.Select((query, i) =>
            $"  - record: runbook:query{i}\n    expr: {JsonSerializer.Serialize(query.Query)}\n")));
        var (code, told) = await AlertFiles.PromtoolAsync("check", "rules", file);
        File.Delete(file);
        Assert.True(code == 0, told);
    }

    [Fact]
    public async Task Every_query_of_ClickHouse_runs()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using (server)
        using (client)
        {
            foreach (var (name, query) in Runbooks.SelectMany(book => Blocks(book.Text, "sql").Select(query => (book.Name, query))))
            {
                var fault = await Record.ExceptionAsync(() => client.ExecuteAsync(query));
                Assert.True(fault is null, $"{name}: {fault?.Message}\n{query}");
            }
        }
    }

    [Fact]
    public void Every_command_and_path_exists()
    {
        var root = Root();
        var paths = JsonDocument.Parse(File.ReadAllText(Path.Combine(AlertFiles.Root, "processor", "Serve", "openapi.json"))).RootElement.GetProperty("paths")
            .EnumerateObject().Where(path => path.Value.TryGetProperty("get", out _)).Select(path => new Regex("^" + Parameter().Replace(path.Name, "[^/]+") + "$")).ToArray();
        var lines = Runbooks.SelectMany(book => Blocks(book.Text, "sh").SelectMany(block => block.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Concat(Prose(book.Text).Where(code => code.StartsWith("$P ", StringComparison.Ordinal)))
            .Select(line => (book.Name, Line: line.Trim()))).ToArray();
        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            var words = Word().Matches(line.Line).Select(word => word.Value.Trim('\'', '"')).TakeWhile(word => word != "|").ToArray();
            if (words[0] == "$P")
            {
                var errors = root.Parse(words[1..]).Errors;
                Assert.True(errors.Count == 0, $"{line}: {string.Join("; ", errors)}");
                return;
            }

            Assert.Contains(words[0], Programs);
            if (words.FirstOrDefault(word => word.StartsWith("$HTTP", StringComparison.Ordinal)) is { } address)
            {
                Assert.True(paths.Any(path => path.IsMatch(address["$HTTP".Length..].Split('?')[0])), $"{line}: there is no such path");
            }
        });
    }

    [Fact]
    public void Every_setting_exists()
    {
        var settings = typeof(ProcessorOptions).GetProperties().SelectMany(section => section.PropertyType.GetProperties()
            .Select(setting => $"{section.Name}.{setting.Name}")).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var named = Runbooks.SelectMany(book => Prose(book.Text).Where(code => Setting().IsMatch(code)).Select(code => (book.Name, code))).ToArray();
        Assert.NotEmpty(named);
        Assert.All(named, setting => Assert.True(settings.Contains(setting.code) || Foreign.Contains(setting.code), $"{setting.Name}: there is no setting {setting.code}"));
    }

    // The commands that Program.cs names.
    private static RootCommand Root()
    {
        var root = new RootCommand();
        foreach (Match command in Creation().Matches(File.ReadAllText(Path.Combine(AlertFiles.Root, "processor", "Program.cs"))))
        {
            var create = typeof(RunCommand).Assembly.GetType($"Stockflow.Commands.{command.Groups["type"].Value}")!
                .GetMethod(command.Groups["method"].Value, BindingFlags.Public | BindingFlags.Static, [])!;
            root.Add((Command)create.Invoke(null, null)!);
        }

        return root;
    }

    private static IEnumerable<string> Blocks(string text, string language) =>
        Fence().Matches(text).Where(fence => fence.Groups["language"].Value == language).Select(fence => fence.Groups["code"].Value);

    // Code within sentences.
    private static IEnumerable<string> Prose(string text) => Inline().Matches(Fence().Replace(text, "")).Select(code => code.Groups["code"].Value);

    [GeneratedRegex("^## (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^```(?<language>.*)\n(?<code>(.*\n)*?)```$", RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("`(?<code>[^`\n]+)`")]
    private static partial Regex Inline();

    [GeneratedRegex(@"'[^']*'|""[^""]*""|\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\bStockflow[A-Z]\w+")]
    private static partial Regex AlertName();

    [GeneratedRegex(@"\b(stockflow|dotnet|process)_[a-z0-9_]+\b")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"^[a-z]+\.[a-z][A-Za-z]+$")]
    private static partial Regex Setting();

    [GeneratedRegex(@"(?<type>\w+Command)\.(?<method>Create\w*)\(\)")]
    private static partial Regex Creation();
}
