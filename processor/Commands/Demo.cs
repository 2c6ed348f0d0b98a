using System.Text.Json;
using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary>One run of the demo: start, load, settle, check, and end all that was started.</summary>
internal sealed class Demo(DemoOptions options, DemoView view, HttpClient http)
{
    private const string Topic = "inventory.movements";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(90), NoProgress = TimeSpan.FromSeconds(120);

    /// <summary>How long one question to a server may take.</summary>
    public static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(3);
    private StatusPayload? status;
    private string address = "";

    public async Task<int> RunAsync(CancellationToken token)
    {
        var directory = options.DataDirectory is { } given
            ? Directory.CreateDirectory(given).FullName
            : Directory.CreateTempSubdirectory("stockflow-demo-").FullName;
        var code = ExitCode.Unreachable;
        try
        {
            code = await RunInAsync(directory, token);
            return code;
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            view.Say("stopped before the end: nothing was checked");
            return code = ExitCode.CheckFailed;
        }
        finally
        {
            CleanUp(directory, keepLogs: code != ExitCode.Ok && !token.IsCancellationRequested);
        }
    }

    private async Task<int> RunInAsync(string directory, CancellationToken token)
    {
        await using var servers = await DemoServers.StartAsync(options, directory, view, token);
        using var producer = new LoadProducer(new LoadOptions
        {
            Topic = Topic,
            // Uncompressed, so that every Kafka client can read the demo's topics.
            ClientProperties = new Dictionary<string, string> { ["bootstrap.servers"] = servers.Kafka, ["compression.type"] = "none" },
            EventsPerSecond = options.Rate,
            Duration = options.Duration,
            Generator = options.Generator,
            SchemaId = await LoadSettings.SchemaIdsAsync(servers.Registry, token),
        });
        var references = await producer.SendReferenceAsync(token);
        view.Say(FormattableString.Invariant($"{references:N0} reference records sent; starting the processor"));
        address = $"http://127.0.0.1:{(options.Port > 0 ? options.Port : DemoServers.FreePort())}";
        await using var processor = new SupervisedProcessor(servers, address, view);
        await WaitUntilReadyAsync(processor, token);
        var state = new DemoState
        {
            ProcessId = Environment.ProcessId,
            Http = address,
            Kafka = servers.Kafka,
            Registry = servers.Registry,
            Positions = servers.Positions,
            ClickHouse = servers.ClickHouse,
            DataDirectory = directory,
        };
        state.Save();
        try
        {
            return await LoadAndCheckAsync(state, servers, producer, processor, token);
        }
        finally
        {
            state.Remove();
        }
    }

    private async Task<int> LoadAndCheckAsync(
        DemoState state, DemoServers servers, LoadProducer producer, SupervisedProcessor processor, CancellationToken token)
    {
        using var brake = new LagBrake(servers.Kafka, Topic, LagBrake.DefaultGroup, producer.Partitions);
        producer.SendLimit = brake.LimitOf;
        var count = new IndependentCount(producer.Catalog);
        using var sending = CancellationTokenSource.CreateLinkedTokenSource(token);
        var send = Task.Run(() => producer.SendMovementsAsync(count, sending.Token), CancellationToken.None);
        try
        {
            await view.ShowAsync(show => WatchAsync(show, servers, producer, processor, brake, send, token));
        }
        finally
        {
            await sending.CancelAsync();
            await Task.WhenAny(send);
        }

        await send;
        token.ThrowIfCancellationRequested();
        var check = new DemoCheck(servers, address, http, Topic);
        var equal = await check.RunAsync(count.Result(), producer.Catalog, processor.Restarts == 0 ? status : null, view, token);
        view.Say(FormattableString.Invariant(
            $"ATP freshness: {(status?.Freshness is { } f ? $"P50 {f.P50:0.000} s, P95 {f.P95:0.000} s, P99 {f.P99:0.000} s, slowest {f.Max:0.000} s" : "unknown")}. Processor restarts: {processor.Restarts}."));
        view.Say(equal ? "Equal: the processor and the independent count agree." : "DIFFERENT: see above.");
        if (options.Keep)
        {
            await StayAsync(state, processor, servers, token);
        }

        return equal ? ExitCode.Ok : ExitCode.CheckFailed;
    }

    /// <summary>Shows a moment every second until everything is sent, processed and settled.</summary>
    private async Task WatchAsync(Action<DemoMoment> show, DemoServers servers, LoadProducer producer, SupervisedProcessor processor,
        LagBrake brake, Task send, CancellationToken token)
    {
        var started = TimeProvider.System.GetTimestamp();
        var lastProgress = started;
        (long Sent, long Committed, long Unsettled) last = default;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (await timer.WaitForNextTickAsync(token))
        {
            ThrowIfEnded(servers, processor);
            if (send.IsFaulted)
            {
                await send;
            }

            status = await AskStatusAsync(token);
            var now = (producer.Sent, brake.CommittedTotal, status?.Totals.Unsettled ?? -1);
            show(new DemoMoment(TimeProvider.System.GetElapsedTime(started), now.Sent, options.Generator.Events, now.Sent - last.Sent, status, processor.Restarts));
            if (now != last)
            {
                (last, lastProgress) = (now, TimeProvider.System.GetTimestamp());
            }

            await Task.Run(() => ThrowIfDropped(servers, brake), token);
            if (send.IsCompletedSuccessfully && status is { Totals: { Unsettled: 0, Lag: 0 } } && brake.IsCommitted(producer.SentTo))
            {
                return;
            }

            if (TimeProvider.System.GetElapsedTime(lastProgress) > NoProgress)
            {
                throw new SetupException($"nothing has moved for {NoProgress.TotalSeconds:0} s. The processor's last lines:\n{TailOf(servers.Log("processor"))}");
            }
        }
    }

    private async Task StayAsync(DemoState state, SupervisedProcessor processor, DemoServers servers, CancellationToken token)
    {
        view.Say($"""

            The demo stays until Ctrl+C. 'processor import', 'query', 'produce' and 'dlq' find it by {DemoState.File}.
              HTTP API         {state.Http}/v1/status
              Kafka            {state.Kafka}
              schema registry  {state.Registry}
              positions        {(servers.HasRedis ? "redis " + state.Positions : "in the processor's memory")}
              ClickHouse       {state.ClickHouse}
              processor        process {processor.ProcessId}; kill -9 it to see it recover
              data and logs    {state.DataDirectory}
            """);
        try
        {
            while (true)
            {
                await Task.Delay(1000, token);
                ThrowIfEnded(servers, processor);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            view.Say("ending");
        }
    }

    private async Task WaitUntilReadyAsync(SupervisedProcessor processor, CancellationToken token)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (await AskStatusAsync(token) is not { Ready: true })
        {
            if (processor.Supervision.IsFaulted)
            {
                await processor.Supervision;
            }

            if (TimeProvider.System.GetElapsedTime(started) > StartTimeout)
            {
                throw new SetupException($"the processor was not ready after {StartTimeout.TotalSeconds:0} s.");
            }

            await Task.Delay(200, token);
        }
    }

    private async Task<StatusPayload?> AskStatusAsync(CancellationToken token)
    {
        try
        {
            await using var body = await http.GetStreamAsync(new Uri(address + "/v1/status"), token);
            return await JsonSerializer.DeserializeAsync(body, ServeJson.Default.StatusPayload, token);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            return null;
        }
    }

    private static void ThrowIfEnded(DemoServers servers, SupervisedProcessor processor)
    {
        if (servers.FindEnded() is { } ended)
        {
            throw new SetupException($"{ended.Name} ended with code {ended.ExitCode}. Its last lines:\n{ended.Tail}");
        }

        if (processor.Supervision.Exception is { } failure)
        {
            throw failure.GetBaseException();
        }
    }

    // The listener drops the oldest records of a full partition without a word.
    private static void ThrowIfDropped(DemoServers servers, LagBrake brake)
    {
        IReadOnlyList<TopicPartitionOffset> dropped;
        try
        {
            dropped = KafkaListener.FindDroppedRecords(servers.Kafka, new KafkaTopic(Topic, DemoServers.Partitions), AskTimeout);
        }
        catch (KafkaException)
        {
            // A busy machine; the next second asks again.
            return;
        }

        foreach (var start in dropped)
        {
            if (start.Offset.Value > brake.CommittedOf(start.Partition.Value))
            {
                // The mark may be half a second old.
                brake.Refresh();
            }

            if (start.Offset.Value > brake.CommittedOf(start.Partition.Value))
            {
                throw new SetupException($"the Kafka listener dropped records of partition {start.Partition.Value} before they were processed; use fewer events a second (--rate).");
            }
        }
    }

    private static string TailOf(string file) => File.Exists(file) ? string.Join('\n', File.ReadLines(file).TakeLast(25)) : "";

    private void CleanUp(string directory, bool keepLogs)
    {
        if (options.DataDirectory is not null)
        {
            return;
        }

        foreach (var folder in Directory.EnumerateDirectories(directory))
        {
            if (!keepLogs || Path.GetFileName(folder) != "logs")
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        if (keepLogs)
        {
            view.Say($"the logs are in {Path.Combine(directory, "logs")}");
        }
        else
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
