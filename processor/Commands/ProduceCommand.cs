using System.CommandLine;
using System.Globalization;
using System.Text;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary><c>processor produce</c>: the generated load against any broker.</summary>
public static class ProduceCommand
{
    private const long DefaultEvents = 100_000;

    public static Command Create()
    {
        var bootstrap = new Option<string?>("--bootstrap-servers") { Description = "Brokers as host:port, comma-separated. Default: the running demo.", HelpName = "list" };
        var registry = new Option<string?>("--registry-url") { Description = "Schema registry; the schemas are registered there. Default: the running demo's, else the ids that the embedded registry gives.", HelpName = "url" };
        var topic = new Option<string>("--topic") { Description = "Topic of the movements; it must exist.", HelpName = "name", DefaultValueFactory = _ => "inventory.movements" };
        var config = new Option<string[]>("--kafka-config") { Description = "A librdkafka client property, such as security.protocol=SASL_SSL. Repeatable.", HelpName = "key=value" };
        var configFile = new Option<FileInfo?>("--kafka-config-file") { Description = "File of key=value client properties, for secrets.", HelpName = "file" };
        var noReference = new Option<bool>("--no-reference") { Description = "Do not send the reference records first." };
        var positions = new Option<FileInfo?>("--positions") { Description = "Write the positions that the load must lead to, as CSV.", HelpName = "file" };
        var traces = new Option<string>("--traces-endpoint") { Description = "OTLP collector for the traces of sampled events, such as http://127.0.0.1:4317. Default: no traces.", HelpName = "url", DefaultValueFactory = _ => "" };
        var protocol = new Option<string>("--traces-protocol") { Description = "grpc, or http/protobuf with an address that ends in /v1/traces.", HelpName = "name", DefaultValueFactory = _ => "grpc" };
        var ratio = new Option<double>("--traces-sample-ratio") { Description = "Share of the events that are traced, 0 to 1.", HelpName = "ratio", DefaultValueFactory = _ => 0.001 };
        var json = new Option<bool>("--json") { Description = "Print the summary as one JSON object." };
        var load = new LoadSettings(DefaultEvents, defaultRate: 0);
        var command = new Command("produce", $"""
            Send a generated retail load to Kafka and say what a correct processor must make of it.

            Reference records (SKUs, locations, vendors, promotions, calendar) go first, then movements keyed by sku_id
            (murmur2, acks=all, idempotent). Some records are broken, late or sent twice on purpose; the summary counts them.
            Registry credentials: STOCKFLOW_REGISTRY_USER_INFO=user:password.

            Examples:
              processor produce --bootstrap-servers 127.0.0.1:9092 --events 1000000
              processor produce --bootstrap-servers broker:9093 --registry-url https://registry:8081 --seconds 60 --rate 5000 \
                --kafka-config security.protocol=SSL --kafka-config ssl.ca.location=ca.pem
              processor produce --events 50000 --seed 7 --json --positions expected.csv

            {ExitCode.Help}
            """)
        {
            bootstrap, registry, topic, config, configFile, noReference, positions, traces, protocol, ratio, json,
        };
        load.AddTo(command);
        command.SetAction((parsed, token) => ExitCode.GuardAsync("produce", async () =>
        {
            var demo = parsed.GetValue(bootstrap) is null
                ? DemoState.Find() ?? throw new UsageException("no demo runs on this machine; name the brokers with --bootstrap-servers.")
                : null;
            var (generator, rate, duration) = load.Read(parsed);
            var options = new LoadOptions
            {
                Topic = parsed.GetValue(topic)!,
                ClientProperties = KafkaProperties(parsed.GetValue(bootstrap) ?? demo!.Kafka, parsed.GetValue(config) ?? [], parsed.GetValue(configFile)),
                EventsPerSecond = rate,
                Duration = duration,
                Generator = generator,
                SchemaId = await LoadSettings.SchemaIdsAsync(parsed.GetValue(registry) ?? demo?.Registry, token),
            };
            var tracing = new TraceOptions(parsed.GetValue(traces)!, parsed.GetValue(protocol)!, SampleRatio: parsed.GetValue(ratio));
            tracing.Validate();
            using var exporting = tracing.Start();
            return await RunAsync(options, !parsed.GetValue(noReference), parsed.GetValue(positions), parsed.GetValue(json), demo is not null, token);
        }));
        return command;
    }

    /// <summary>Client properties from the file and then the options, which win.</summary>
    /// <exception cref="UsageException">A property is not key=value.</exception>
    internal static Dictionary<string, string> KafkaProperties(string bootstrap, IEnumerable<string> pairs, FileInfo? file)
    {
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        if (file is not null && !file.Exists)
        {
            throw new UsageException($"--kafka-config-file: there is no file {file.FullName}.");
        }

        var lines = file is null ? [] : File.ReadAllLines(file.FullName)
            .Select((line, i) => (Text: line.Trim(), Where: $"{file.FullName} line {i + 1}"))
            .Where(line => line.Text.Length > 0 && line.Text[0] != '#');
        foreach (var (text, where) in lines.Concat(pairs.Select(pair => (pair, "--kafka-config"))))
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw new UsageException($"{where}: expected key=value.");
            }

            properties[text[..at].Trim()] = text[(at + 1)..].Trim();
        }

        properties["bootstrap.servers"] = bootstrap;
        return properties;
    }

    private static async Task<int> RunAsync(LoadOptions options, bool sendReference, FileInfo? positionsFile, bool json, bool toDemo, CancellationToken token)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var producer = new LoadProducer(options);
        using var brake = toDemo ? new LagBrake(options.ClientProperties["bootstrap.servers"], options.Topic, LagBrake.DefaultGroup, producer.Partitions) : null;
        producer.SendLimit = brake is null ? null : brake.LimitOf;
        var references = sendReference ? await producer.SendReferenceAsync(token) : 0;
        var count = new IndependentCount(producer.Catalog);
        using var progress = new CancellationTokenSource();
        var reporting = ReportAsync(producer, options.Generator.Events, progress.Token);
        await producer.SendMovementsAsync(count, token);
        await progress.CancelAsync();
        await reporting;
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        var result = count.Result();
        if (positionsFile is not null)
        {
            await WritePositionsAsync(result, positionsFile, CancellationToken.None);
        }

        Console.Out.WriteLine(json
            ? LoadSummary.ToJson(result, options, references, seconds, positionsFile?.FullName)
            : LoadSummary.ToText(result, options, references, seconds));
        return token.IsCancellationRequested ? ExitCode.CheckFailed : ExitCode.Ok;
    }

    private static async Task ReportAsync(LoadProducer producer, long events, CancellationToken token)
    {
        var live = !Console.IsErrorRedirected;
        var last = 0L;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(live ? 1 : 10));
        var ticks = live ? 1 : 10;
        try
        {
            while (await timer.WaitForNextTickAsync(token))
            {
                var sent = producer.Sent;
                var text = string.Create(CultureInfo.InvariantCulture,
                    $"sent {sent:N0}{(events > 0 ? $" of {events:N0}" : "")}, {(sent - last) / ticks:N0}/s, event time {DateTime.UnixEpoch.AddMilliseconds(producer.ClockTs):yyyy-MM-dd HH:mm}");
                await Console.Error.WriteAsync(live ? "\r" + text + "   " : text + Environment.NewLine);
                last = sent;
            }
        }
        catch (OperationCanceledException)
        {
            if (live && last > 0)
            {
                await Console.Error.WriteLineAsync();
            }
        }
    }

    private static async Task WritePositionsAsync(IndependentResult result, FileInfo file, CancellationToken token)
    {
        try
        {
            await using var writer = new StreamWriter(file.FullName, append: false, new UTF8Encoding(false));
            await writer.WriteLineAsync("sku_id,location_id,on_hand,unsellable,reserved,in_transit_in,in_transit_out");
            foreach (var (key, p) in result.Positions.OrderBy(p => p.Key.SkuId, StringComparer.Ordinal).ThenBy(p => p.Key.LocationId, StringComparer.Ordinal))
            {
                await writer.WriteLineAsync($"{key.SkuId},{key.LocationId},{p.OnHand},{p.Unsellable},{p.Reserved},{p.InTransitIn},{p.InTransitOut}".AsMemory(), token);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"--positions: {file.FullName} can not be written: {e.Message}", e);
        }
    }
}
