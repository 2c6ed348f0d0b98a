using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Benchmarks;

/// <summary>What one run of the processor over the topic took.</summary>
/// <param name="Events">Events measured.</param>
/// <param name="Rate">Events a second, from the start of the measurement to the last event durable in the history.</param>
/// <param name="Cpu">CPU seconds by process.</param>
/// <param name="Allocated">Bytes that the processor allocated.</param>
/// <param name="Peak">Largest resident memory of the processor seen, bytes.</param>
/// <param name="Last">Its status at the end.</param>
internal sealed record ProcessorFigures(
    long Events, double Rate, IReadOnlyDictionary<string, double> Cpu, double Allocated, double Peak, StatusPayload Last);

/// <summary>One <c>processor run</c> of this build over the servers, from an empty state to the topic's end.</summary>
internal sealed class ProcessorRun : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200), Stalled = TimeSpan.FromSeconds(60);
    private readonly Servers servers;
    private readonly ChildProcess processor;
    private readonly HttpClient http;

    private ProcessorRun(Servers servers, ChildProcess processor, HttpClient http)
    {
        this.servers = servers;
        this.processor = processor;
        this.http = http;
    }

    /// <summary>Base address of its HTTP API.</summary>
    public Uri Address => http.BaseAddress!;

    /// <summary>Starts it under a name of its own: consumer group, Redis prefix and database.</summary>
    public static ProcessorRun Start(Servers servers, string name, params string[] settings) => Start(servers, name, name, settings);

    /// <summary>Starts it as one of several under one name, with a log of its own.</summary>
    public static ProcessorRun Start(Servers servers, string name, string log, string[] settings)
    {
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{RedisServer.FreePort()}");
        var processor = ChildProcess.StartSelf("processor run",
            [
                "run", "--kafka.bootstrap-servers", servers.Bootstrap, "--kafka.topic", Servers.Topic, "--kafka.dead-letter-topic", Servers.DeadLetters,
                "--kafka.group-id", name, "--positions.connection", servers.Redis.Endpoint, "--positions.key-prefix", name,
                "--clickhouse.url", servers.ClickHouseUrl.ToString(), "--clickhouse.database", name, "--http.urls", url,
                .. settings,
            ],
            Path.Combine(servers.Folder, log + ".log"));
        return new ProcessorRun(servers, processor, new HttpClient(new ConnectFailureHandler()) { BaseAddress = new Uri(url) });
    }

    /// <summary>Waits until it keeps positions up to date.</summary>
    /// <exception cref="WrongResultException">It ended.</exception>
    public async Task<StatusPayload> WaitUntilReadyAsync(CancellationToken token)
    {
        while (true)
        {
            await Task.Delay(20, token);
            if (await StatusAsync(token) is { Ready: true } status)
            {
                return status;
            }
        }
    }

    /// <summary>Waits until it reads, then until every event is durable, and then until nothing is left to settle.</summary>
    /// <exception cref="WrongResultException">It ended, or stands still.</exception>
    public async Task<ProcessorFigures> FinishAsync(long events, CancellationToken token)
    {
        await WaitUntilReadyAsync(token);
        var start = new Baseline(0, await AllocatedAsync(token), Cpu(), Stopwatch.GetTimestamp());
        return await MeasureAsync(start, events, token);
    }

    /// <summary>
    /// As <see cref="FinishAsync"/>, by a process that is warm: it works off the load's warm-up, is held still while the rest goes into the topic,
    /// and is measured from then on.
    /// </summary>
    /// <exception cref="WrongResultException">It ended, or stands still.</exception>
    public async Task<ProcessorFigures> FinishWarmAsync(PipelineLoad.Sender sender, CancellationToken token)
    {
        await WaitUntilReadyAsync(token);
        await sender.WarmUpAsync(sent => WaitUntilDurableAsync(sent, token), token);
        var (warm, allocated) = (sender.Sent, await AllocatedAsync(token));
        Hold();
        try
        {
            await sender.SendRestAsync(token);
        }
        finally
        {
            Continue();
        }

        return await MeasureAsync(new Baseline(warm, allocated, Cpu(), Stopwatch.GetTimestamp()), sender.Sent, token);
    }

    /// <summary>Waits until that many events of the topic are durable and nothing is left to settle.</summary>
    /// <exception cref="WrongResultException">It ended, or stands still.</exception>
    public Task WaitUntilDurableAsync(long events, CancellationToken token) =>
        MeasureAsync(new Baseline(0, 0, Cpu(), Stopwatch.GetTimestamp()), events, token);

    private async Task<ProcessorFigures> MeasureAsync(Baseline start, long events, CancellationToken token)
    {
        var status = await StatusAsync(token);
        var (moved, durable, peak) = (start.Timestamp, 0L, ResidentBytes());
        while (durable < events)
        {
            await Task.Delay(Poll, token);
            status = await StatusAsync(token) ?? status;
            var now = status?.Lanes.Sum(lane => Math.Max(0, lane.DurableOffset)) ?? 0;
            peak = Math.Max(peak, ResidentBytes());
            if (now > durable)
            {
                (durable, moved) = (now, Stopwatch.GetTimestamp());
            }
            else
            {
                ThrowIfStalled(moved, $"{durable:N0} of {events:N0} events are durable");
            }
        }

        var seconds = Stopwatch.GetElapsedTime(start.Timestamp).TotalSeconds;
        var after = Cpu();
        var allocated = await AllocatedAsync(token) - start.Allocated;
        moved = Stopwatch.GetTimestamp();
        while (status!.Totals.Unsettled > 0)
        {
            ThrowIfStalled(moved, $"{status.Totals.Unsettled} late counts are not settled");
            await Task.Delay(Poll, token);
            var former = status.Totals.Unsettled;
            status = await StatusAsync(token) ?? status;
            moved = status.Totals.Unsettled < former ? Stopwatch.GetTimestamp() : moved;
        }

        return new ProcessorFigures(events - start.Events, (events - start.Events) / seconds, after.ToDictionary(pair => pair.Key, pair => pair.Value - start.Cpu[pair.Key]), allocated, peak, status);
    }

    /// <summary>Holds it still.</summary>
    public void Hold() => Hidden.Hold(processor.Id);

    public void Continue() => Hidden.Continue(processor.Id);

    /// <summary>Ends it as <c>kill -9</c> does.</summary>
    public void Kill() => processor.Kill();

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await processor.DisposeAsync();
    }

    private void ThrowIfStalled(long since, string what)
    {
        if (Stopwatch.GetElapsedTime(since) > Stalled)
        {
            throw new WrongResultException($"pipeline: {what}, and nothing has moved for {Stalled.TotalSeconds:0} s. The processor printed:\n{processor.Tail}");
        }
    }

    /// <summary>CPU seconds so far, by process.</summary>
    public Dictionary<string, double> Cpu() => servers.CpuSeconds("processor", processor.Id);

    /// <summary>Resident memory of the processor.</summary>
    public double ResidentBytes() =>
        double.Parse(File.ReadAllText($"/proc/{processor.Id}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    /// <exception cref="WrongResultException">It ended.</exception>
    public void ThrowIfEnded()
    {
        if (processor.HasExited)
        {
            throw new WrongResultException($"pipeline: the processor ended with code {processor.ExitCode}. It printed:\n{processor.Tail}");
        }
    }

    /// <summary>Its status; null while it does not answer.</summary>
    /// <exception cref="WrongResultException">It ended.</exception>
    public async Task<StatusPayload?> StatusAsync(CancellationToken token)
    {
        ThrowIfEnded();
        try
        {
            return JsonSerializer.Deserialize(await http.GetStringAsync("/v1/status", token), ServeJson.Default.StatusPayload);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private Task<double> AllocatedAsync(CancellationToken token) => MetricAsync("dotnet_gc_allocated_bytes_total", token);

    private async Task<double> MetricAsync(string name, CancellationToken token)
    {
        var text = await http.GetStringAsync("/metrics", token);
        var line = text.Split('\n').First(line => line.StartsWith(name + ' ', StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Where a measurement begins.</summary>
    private sealed record Baseline(long Events, double Allocated, IReadOnlyDictionary<string, double> Cpu, long Timestamp);
}
