using System.Diagnostics;
using YamlDotNet.Serialization;

namespace Stockflow.IntegrationTests.Alerts;

/// <summary>A rule of alerts/stockflow.rules.yml: an alert, or a record that alerts use.</summary>
internal sealed record Rule
{
    public string? Record { get; set; }

    public string Alert { get; set; } = "";

    public string Expr { get; set; } = "";

    public string For { get; set; } = "";

    public Dictionary<string, string> Labels { get; set; } = [];

    public Dictionary<string, string> Annotations { get; set; } = [];

    /// <summary>Tells the rules of one SLO apart.</summary>
    public string Window => Labels.GetValueOrDefault("window", "");

    public override string ToString() => $"{Alert}{Record} {Window}".TrimEnd();
}

/// <summary>The folder alerts.</summary>
internal static class AlertFiles
{
    public static string Root { get; } = FindRoot();

    public static string Folder => Path.Combine(Root, "alerts");

    public static string RulesFile => Path.Combine(Folder, "stockflow.rules.yml");

    public static string[] TestFiles => Directory.GetFiles(Folder, "*.test.yml");

    public static IReadOnlyList<Rule> Rules { get; } =
        [.. new DeserializerBuilder().WithNamingConvention(YamlDotNet.Serialization.NamingConventions.LowerCaseNamingConvention.Instance).Build()
            .Deserialize<RuleFile>(File.ReadAllText(RulesFile)).Groups.SelectMany(group => group.Rules)];

    public static IEnumerable<Rule> Alerts => Rules.Where(rule => rule.Alert.Length > 0);

    /// <summary>Runs promtool in the folder and returns what it told.</summary>
    public static Task<(int Code, string Told)> PromtoolAsync(params string[] arguments) => RunAsync("promtool", arguments);

    /// <summary>The same for any program.</summary>
    public static async Task<(int Code, string Told)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var told = await process.StandardOutput.ReadToEndAsync() + await errors;
        await process.WaitForExitAsync();
        return (process.ExitCode, told);
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Processor.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    private sealed record RuleFile
    {
        public List<RuleGroup> Groups { get; set; } = [];
    }

    private sealed record RuleGroup
    {
        public string Name { get; set; } = "";

        public List<Rule> Rules { get; set; } = [];
    }
}
