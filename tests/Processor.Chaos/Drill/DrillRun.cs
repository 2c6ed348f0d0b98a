using System.Net.Sockets;
using Stockflow.Chaos.Faults;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Drill;

/// <summary>
/// Starts Kafka, Redis, ClickHouse, a processor, Prometheus and Alertmanager, and for each alert: sees that it is quiet, causes the fault,
/// waits until Alertmanager tells of it, mends the fault and waits until Alertmanager tells that it is over.
/// </summary>
internal sealed class DrillRun(string processor, string alerts)
{
    public const string Help = """
        drill: makes alerts fire for real and ends what they tell of.

          chaos drill ALERT...     one after another; those with a comma between them together
          chaos drill --list       the alerts that can be drilled, and how

        The rules are those of alerts/stockflow.rules.yml with a minute made a second. Exit codes: 0 each alert fired and was resolved;
        1 one did not; 2 wrong usage.
        """;

    private const int Partitions = 4;

    /// <summary>Of a rule whose windows and 'for' are minutes, which here are seconds; some thresholds are seconds that stay.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly Journal journal = new();

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--list"])
        {
            foreach (var fault in DrillFault.All)
            {
                Console.WriteLine($"{fault.Alert,-36} {fault.Cause}");
            }

            return 0;
        }

        var groups = arguments.Select(names => names.Split(',').Select(name => DrillFault.All.FirstOrDefault(fault => fault.Alert == name)).ToArray()).ToArray();
        if (groups.Length == 0 || groups.Any(group => group.Contains(null)))
        {
            Console.Error.WriteLine(Help);
            return 2;
        }

        var options = ChaosOptions.Parse([]);
        var alerts = Path.Combine(Path.GetFullPath(Path.Combine(options.Processor, "../../../../..")), "alerts");
        return await new DrillRun(options.Processor, alerts).DrillAsync(groups!) ? 0 : 1;
    }

    private async Task<bool> DrillAsync(DrillFault[][] groups)
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-drill-").FullName;
        try
        {
            await DrillAsync(groups, folder);
            Directory.Delete(folder, recursive: true);
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException or SocketException or OperationCanceledException)
        {
            journal.Say($"FAILED: {e.Message}");
            journal.Say($"the servers' logs: {folder}");
            return false;
        }
    }

    private async Task DrillAsync(DrillFault[][] groups, string folder)
    {
        using var world = await StartAsync(folder);
        using var shop = new ShopLoad(world.Kafka.Bootstrap);
        using var servers = new AlertServers();
        using var stop = new CancellationTokenSource();
        await shop.OpenAsync();
        var instance = world.Processors[0];
        instance.Want();
        var work = Task.WhenAll(world.SuperviseAsync(stop.Token), shop.RunAsync(stop.Token), AskAsync(instance, stop.Token));
        var rules = await File.ReadAllTextAsync(Path.Combine(alerts, "stockflow.rules.yml"));
        await servers.StartAsync(folder, ShortRules.Of(rules), instance.Address);
        journal.Say($"Prometheus: {servers.Address}, the processor: http://{instance.Address}");
        var stage = new Stage(world, shop);
        foreach (var group in groups)
        {
            await DrillAsync(group, stage, servers);
        }

        await stop.CancelAsync();
        await work;
    }

    private async Task DrillAsync(DrillFault[] group, Stage stage, AlertServers servers)
    {
        // All that the other drills broke has to be whole again, the history's gap too. The SLOs have a value only where their selectors
        // find the buckets in the form in which they were scraped.
        var alerts = string.Join(" or ", group.Select(fault => $"ALERTS{{alertname='{fault.Alert}',window='{fault.Window}'}}"));
        await UntilAsync("the alerts are quiet and every lane is at work", async () =>
            group.All(fault => servers.Told(fault.Alert, fault.Window) is not { IsFiring: true })
            && await servers.ValueAsync($"count({alerts}) or vector(0)") == 0
            && await servers.ValueAsync("sum(stockflow_lanes)") == Partitions
            && await servers.ValueAsync("min(stockflow_ready)") == 1
            && await servers.ValueAsync("min(stockflow_lane_committed_offset)") > 0
            && await servers.ValueAsync("sum(stockflow_lane_history_gap_records)") == 0
            && await servers.ValueAsync("job:stockflow_freshness_bad:ratio_rate1h + job:stockflow_freshness_slow:ratio_rate6h + job:stockflow_atp_slow:ratio_rate1h") >= 0);
        foreach (var fault in group)
        {
            journal.Say($"{fault.Alert}: quiet");
        }

        foreach (var fault in group.DistinctBy(fault => fault.Cause))
        {
            journal.Say($"cause: {fault.Cause}");
            await fault.CauseAsync(stage);
        }

        foreach (var fault in group)
        {
            await UntilAsync($"{fault.Alert} fires", () => Task.FromResult(servers.Told(fault.Alert, fault.Window) is { IsFiring: true }));
            await TellAsync(servers.Told(fault.Alert, fault.Window)!);
        }

        foreach (var fault in group.DistinctBy(fault => fault.Cause))
        {
            journal.Say($"mend: {fault.Mend}");
            await fault.MendAsync(stage);
        }

        foreach (var fault in group)
        {
            await UntilAsync($"{fault.Alert} is resolved", () => Task.FromResult(servers.Told(fault.Alert, fault.Window) is { IsFiring: false }));
            journal.Say($"{fault.Alert}: RESOLVED");
        }
    }

    private async Task TellAsync(Notification alert)
    {
        journal.Say($"{alert.Labels["alertname"]}: FIRING, {string.Join(", ", alert.Labels.Where(l => l.Key != "alertname").Select(l => $"{l.Key}={l.Value}"))}");
        foreach (var (name, text) in alert.Annotations)
        {
            Console.WriteLine($"          {name}: {text}");
        }

        foreach (var line in await File.ReadAllLinesAsync(Path.Combine(alerts, "..", alert.Annotations["runbook_url"])))
        {
            Console.WriteLine("          | " + line);
        }
    }

    private async Task<World> StartAsync(string folder)
    {
        journal.Say($"starting Kafka, Redis, ClickHouse, a processor, Prometheus and Alertmanager; logs in {folder}");
        var kafka = KafkaServer.StartAsync(processor, folder, Partitions);
        var redis = new RedisServer(folder, RedisDurability.EverySecond);
        await redis.StartAsync();
        var clickHouse = new ClickHouseServer(processor, folder, disk: null);
        await clickHouse.StartAsync();
        var started = await kafka;
        string[] flags =
        [
            "--kafka.session-timeout-milliseconds", "2000", "--kafka.commit-interval-milliseconds", "300",
            "--positions.timeout-milliseconds", "2000", "--positions.auto-rebuild", "false",
            "--clickhouse.max-retries", "1", "--clickhouse.request-timeout-seconds", "10", "--history.patience-seconds", "2",
            "--history.insert-interval-milliseconds", "300", "--close.enabled", "false",
        ];
        return new World
        {
            Processor = processor,
            Folder = folder,
            Kafka = started,
            Redis = redis,
            ClickHouse = clickHouse,
            Registry = null,
            HasStaticMembers = false,
            Journal = journal,
            SessionTimeout = TimeSpan.FromSeconds(2),
            RedisTimeout = TimeSpan.FromSeconds(2),
            CanRebuild = true,
            Processors = [new ProcessorInstance(1, processor, folder, started, redis, clickHouse, flags, journal)],
        };
    }

    // The readers of available-to-promise.
    private static async Task AskAsync(ProcessorInstance instance, CancellationToken token)
    {
        for (var i = 0L; !token.IsCancellationRequested; i++)
        {
            try
            {
                using var answer = await Http.GetAsync(new Uri($"http://{instance.Address}/v1/atp/{ShopLoad.Sku(i)}/{ShopLoad.Location(i)}"), token);
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException)
            {
                // The processor is away, or the drill is over.
            }

            await Task.Delay(20, CancellationToken.None);
        }
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> holds)
    {
        using var bound = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            if (bound.IsCancellationRequested)
            {
                throw new InvalidOperationException($"Within {Patience.TotalSeconds:0} s it did not come to pass that {what}.");
            }

            await Task.Delay(200, CancellationToken.None);
        }
    }
}
