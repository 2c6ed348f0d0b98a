using System.Globalization;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>What callers of the HTTP API saw.</summary>
/// <param name="Rate">Answers a second.</param>
/// <param name="Answers">All answers.</param>
/// <param name="Refused">Those that were no success.</param>
/// <param name="Milliseconds">Latency: P50, P99, largest.</param>
internal sealed record WrkFigures(double Rate, long Answers, long Refused, (double P50, double P99, double Max) Milliseconds);

/// <summary>A load on the HTTP API by wrk, one thread in a process of its own: each connection asks, waits for the answer and asks again.</summary>
internal static class WrkRun
{
    private const string Line = "RESULT ";

    private const string Done = """

        function done(summary, latency, requests)
          io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
            summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.write + summary.errors.connect,
            latency:percentile(50), latency:percentile(99), latency.max))
        end
        """;

    /// <param name="folder">Where its script and log go.</param>
    /// <param name="name">Of those files.</param>
    /// <param name="url">Base address.</param>
    /// <param name="connections">At once.</param>
    /// <param name="seconds">Time.</param>
    /// <param name="script">Lua that defines <c>request()</c>.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="SetupException">There is no wrk, or it failed.</exception>
    public static async Task<WrkFigures> RunAsync(string folder, string name, Uri url, int connections, int seconds, string script, CancellationToken token)
    {
        var file = Path.Combine(folder, name + ".lua");
        await File.WriteAllTextAsync(file, script + Done, token);
        await using var child = ChildProcess.StartGuarded("wrk", "wrk",
            ["-t1", $"-c{connections}", $"-d{seconds}s", "--timeout", "10s", "-s", file, url.ToString()], Path.Combine(folder, name + ".log"));
        var numbers = (await child.WaitForLineAsync(Line, TimeSpan.FromSeconds(seconds + 30), token)).Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        return new WrkFigures(numbers[0] / numbers[1] * 1e6, (long)numbers[0], (long)numbers[2], (numbers[3] / 1000, numbers[4] / 1000, numbers[5] / 1000));
    }
}
