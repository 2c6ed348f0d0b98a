using System.Diagnostics;
using Stockflow.Tests;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>The Helm that 'eng/setup test' installs, and the repository's chart.</summary>
public static class Helm
{
    /// <summary>The chart's folder.</summary>
    public static string Chart { get; } = Path.Combine(Repository.Root, "helm", "stockflow");

    /// <summary>The sets of values that the chart is tried with, by file name without ending.</summary>
    public static IEnumerable<string> Values { get; } = [.. Directory.GetFiles(Path.Combine(Chart, "ci"), "*.yaml").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    /// <summary>Where a set of values stands.</summary>
    public static string ValuesFile(string values) => Path.Combine(Chart, "ci", values + ".yaml");

    /// <summary>The objects of a set of values as YAML, for a cluster that serves these further APIs.</summary>
    public static async Task<string> TemplateAsync(string values, params string[] apis) =>
        await OutputAsync(["template", "release", Chart, "--namespace", "stock", "-f", ValuesFile(values), .. apis.SelectMany(api => (string[])["--api-versions", api])]);

    /// <summary>What Helm prints.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it said.</exception>
    public static async Task<string> OutputAsync(params string[] arguments)
    {
        var (code, output, errors) = await RunAsync(arguments);
        return code == 0 ? output : throw new InvalidOperationException($"helm {string.Join(' ', arguments)} ended with {code}:\n{errors}");
    }

    /// <summary>Runs Helm to its end.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        var program = Path.Combine(NodePeer.CacheFolder(), "native", "helm");
        if (!File.Exists(program))
        {
            throw new InvalidOperationException($"{program} is missing; run 'eng/setup test'.");
        }

        using var helm = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = helm.StandardError.ReadToEndAsync();
        var output = await helm.StandardOutput.ReadToEndAsync();
        await helm.WaitForExitAsync();
        return (helm.ExitCode, output, await errors);
    }
}
