using System.Diagnostics;
using System.Net.Http.Json;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>The processor, run as 'processor run' in a process of its own with its HTTP API on a free port.</summary>
public sealed class ProcessorProcess : IAsyncDisposable
{
    /// <summary>Only bounds a hang; no test passes or fails by it otherwise.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private const string AddressPrefix = "HTTP API listens on ";
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);
    private static readonly HttpClient Http = new(new ConnectFailureHandler()) { Timeout = TimeSpan.FromSeconds(10) };
    private readonly ServerProcess process;
    private Uri? address;

    private ProcessorProcess(ServerProcess process) => this.process = process;

    /// <summary>All that it logged and printed so far.</summary>
    public string Output => process.Output;

    /// <summary>True until it has ended.</summary>
    public bool IsRunning => process.IsRunning;

    /// <summary>Base address of its HTTP API, once it has logged it.</summary>
    public Uri Address => address ?? throw new InvalidOperationException("The processor has not logged its HTTP address yet.");

    /// <summary>Starts it and waits for nothing.</summary>
    public static ProcessorProcess Launch(IEnumerable<string> flags, IReadOnlyDictionary<string, string>? environment = null)
    {
        var settings = new Dictionary<string, string>(environment ?? new Dictionary<string, string>()) { ["STOCKFLOW_EXIT_WITH_PARENT"] = "1" };
        return new ProcessorProcess(ServerProcess.Start(ServerProcess.Processor, ["run", "--http.urls", "http://127.0.0.1:0", .. flags], settings));
    }

    /// <summary>Starts it and waits until its HTTP API answers.</summary>
    public static async Task<ProcessorProcess> StartAsync(IEnumerable<string> flags)
    {
        var processor = Launch(flags);
        try
        {
            await processor.WaitForLogAsync(AddressPrefix);
            var output = processor.Output;
            var from = output.IndexOf(AddressPrefix, StringComparison.Ordinal) + AddressPrefix.Length;
            processor.address = new Uri(output[from..].Split('\n', ' ')[0]);
            return processor;
        }
        catch
        {
            await processor.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends it as 'kill -9' does.</summary>
    public void Kill() => process.Kill();

    /// <summary>Stops it where it stands, longer than its session perhaps: a zombie.</summary>
    public void Suspend() => process.Suspend();

    /// <summary>Lets it go on.</summary>
    public void Continue() => process.Continue();

    /// <summary>Asks it to end, by SIGTERM, and returns the exit code.</summary>
    public Task<int> StopAsync()
    {
        process.Terminate();
        return process.WaitForExitAsync();
    }

    /// <summary>Waits for its end and returns the exit code.</summary>
    public Task<int> WaitForExitAsync() => process.WaitForExitAsync();

    /// <summary>What <c>/v1/status</c> says now.</summary>
    public async Task<StatusPayload> StatusAsync() =>
        (await Http.GetFromJsonAsync(new Uri(Address, "/v1/status"), ServeJson.Default.StatusPayload))!;

    /// <summary>The status code of a path now.</summary>
    public async Task<int> GetAsync(string path)
    {
        using var response = await Http.GetAsync(new Uri(Address, path));
        return (int)response.StatusCode;
    }

    /// <summary>Waits until the status is as wished, and returns it.</summary>
    public async Task<StatusPayload> WaitUntilAsync(Func<StatusPayload, bool> condition)
    {
        StatusPayload? status = null;
        await WaitAsync(async () => condition(status = await StatusAsync()), () => $"The status is not as wished: {status}\n{string.Join('\n', status?.Lanes ?? [])}");
        return status!;
    }

    /// <summary>Waits until something holds; <paramref name="problem"/> says what does not.</summary>
    public Task WaitUntilAsync(Func<Task<bool>> condition, Func<string> problem) => WaitAsync(condition, problem);

    /// <summary>Waits until <c>/metrics</c> has a line.</summary>
    public async Task WaitForMetricAsync(string line)
    {
        var metrics = "";
        await WaitAsync(async () => (metrics = await Http.GetStringAsync(new Uri(Address, "/metrics"))).Split('\n').Contains(line), () => $"'{line}' is not in its metrics:\n{metrics}");
    }

    /// <summary>Waits until a text stands in its log.</summary>
    public Task WaitForLogAsync(string text) =>
        WaitAsync(() => Task.FromResult(Output.Contains(text, StringComparison.Ordinal)), () => $"'{text}' is not in its log.");

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => process.DisposeAsync();

    private async Task WaitAsync(Func<Task<bool>> condition, Func<string> problem)
    {
        var waited = Stopwatch.StartNew();
        while (!await IsMetAsync(condition))
        {
            if (!process.IsRunning || waited.Elapsed > Patience)
            {
                throw new InvalidOperationException($"{problem()} The processor {(process.IsRunning ? "runs" : "has ended")}; its output:\n{Output}");
            }

            await Task.Delay(Poll);
        }
    }

    // A processor that has died refuses the connection; the caller then tells what it printed last.
    private static async Task<bool> IsMetAsync(Func<Task<bool>> condition)
    {
        try
        {
            return await condition();
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
