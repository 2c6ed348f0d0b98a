using System.Diagnostics;

namespace Stockflow.IntegrationTests.Chaos;

/// <summary>The program of tests/Processor.Chaos, which shares no code with the processor.</summary>
internal static class ChaosProgram
{
    /// <summary>Only bounds a hang.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string[] arguments)
    {
        var start = new ProcessStartInfo(Program(), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var chaos = Process.Start(start)!;
        using var bound = new CancellationTokenSource(Patience);
        try
        {
            var errors = chaos.StandardError.ReadToEndAsync(bound.Token);
            var output = await chaos.StandardOutput.ReadToEndAsync(bound.Token);
            await chaos.WaitForExitAsync(bound.Token);
            return (chaos.ExitCode, output + await errors);
        }
        finally
        {
            if (!chaos.HasExited)
            {
                chaos.Kill(entireProcessTree: true);
            }
        }
    }

    // Beside this project's own output, of the same configuration.
    private static string Program()
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var tests = output;
        while (tests.Name != "tests")
        {
            tests = tests.Parent ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not below the folder 'tests'.");
        }

        var path = Path.Combine(tests.FullName, "Processor.Chaos", "bin", output.Parent!.Name, output.Name, "chaos");
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing; build the solution.");
    }
}
