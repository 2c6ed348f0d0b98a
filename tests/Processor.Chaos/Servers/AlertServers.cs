using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Stockflow.Chaos.Servers;

/// <summary>An alert as Alertmanager told it last.</summary>
internal sealed record Notification(bool IsFiring, IReadOnlyDictionary<string, string> Labels, IReadOnlyDictionary<string, string> Annotations);

/// <summary>Debian's Prometheus and Alertmanager with the given rules, and a receiver for what Alertmanager sends.</summary>
internal sealed class AlertServers : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly HttpListener receiver = new();
    private readonly Lock gate = new();
    private readonly Dictionary<string, Notification> told = new(StringComparer.Ordinal);
    private readonly List<ServerProcess> servers = [];
    private readonly int prometheus = Ports.Free();

    /// <summary>Where a person may look.</summary>
    public string Address => $"http://127.0.0.1:{prometheus}";

    /// <param name="folder">Where settings, data and logs are put.</param>
    /// <param name="rules">The rules' text.</param>
    /// <param name="target">host:port of what is scraped, each second.</param>
    public async Task StartAsync(string folder, string rules, string target)
    {
        var (webhook, alertmanager) = (Ports.Free(), Ports.Free());
        receiver.Prefixes.Add($"http://127.0.0.1:{webhook}/");
        receiver.Start();
        _ = Task.Run(ReceiveAsync);

        await File.WriteAllTextAsync(Path.Combine(folder, "alertmanager.yml"), $$"""
            route: { receiver: drill, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
            receivers:
              - name: drill
                webhook_configs: [{ url: 'http://127.0.0.1:{{webhook}}/' }]
            """);
        servers.Add(ServerProcess.Start(Path.Combine(folder, "alertmanager.log"), "prometheus-alertmanager",
        [
            $"--config.file={folder}/alertmanager.yml", $"--storage.path={folder}/alertmanager",
            $"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address=",
        ]));

        await File.WriteAllTextAsync(Path.Combine(folder, "rules.yml"), rules);
        await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), $$"""
            global: { scrape_interval: 1s, evaluation_interval: 1s }
            rule_files: [rules.yml]
            alerting:
              alertmanagers:
                - static_configs: [{ targets: ['127.0.0.1:{{alertmanager}}'] }]
            scrape_configs:
              - job_name: stockflow
                static_configs: [{ targets: ['{{target}}'] }]
            """);
        servers.Add(ServerProcess.Start(Path.Combine(folder, "prometheus.log"), "prometheus",
        [
            // As rules' durations: five minutes become five seconds.
            $"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/prometheus", "--query.lookback-delta=5s",
            $"--web.listen-address=127.0.0.1:{prometheus}",
        ]));
        await AnswersAsync($"http://127.0.0.1:{alertmanager}/-/ready");
        await AnswersAsync($"{Address}/-/ready");
    }

    /// <summary>What Alertmanager told last of an alert, of one that fires where any does; null if nothing.</summary>
    /// <param name="alert">Its name.</param>
    /// <param name="window">The value of its label 'window', empty for an alert without.</param>
    public Notification? Told(string alert, string window)
    {
        lock (gate)
        {
            return told.Values.Where(n => n.Labels["alertname"] == alert && n.Labels.GetValueOrDefault("window", "") == window)
                .OrderByDescending(n => n.IsFiring).FirstOrDefault();
        }
    }

    /// <summary>The value of an expression without labels; null where it has none.</summary>
    public async Task<double?> ValueAsync(string expression)
    {
        using var json = JsonDocument.Parse(await Http.GetStringAsync(new Uri($"{Address}/api/v1/query?query={Uri.EscapeDataString(expression)}")));
        var result = json.RootElement.GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? null
            : double.Parse(result[0].GetProperty("value")[1].GetString()!, System.Globalization.CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        receiver.Close();
        foreach (var server in servers)
        {
            server.Dispose();
        }
    }

    private static async Task AnswersAsync(string address)
    {
        using var bound = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                using var answer = await Http.GetAsync(new Uri(address), bound.Token);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or SocketException)
            {
                // It has not begun to listen.
            }

            await Task.Delay(100, bound.Token);
        }
    }

    private async Task ReceiveAsync()
    {
        while (receiver.IsListening)
        {
            try
            {
                var context = await receiver.GetContextAsync();
                using var json = await JsonDocument.ParseAsync(context.Request.InputStream);
                lock (gate)
                {
                    foreach (var alert in json.RootElement.GetProperty("alerts").EnumerateArray())
                    {
                        told[alert.GetProperty("fingerprint").GetString()!] =
                            new Notification(alert.GetProperty("status").GetString() == "firing", Texts(alert, "labels"), Texts(alert, "annotations"));
                    }
                }

                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private static Dictionary<string, string> Texts(JsonElement alert, string name) =>
        alert.GetProperty(name).EnumerateObject().ToDictionary(text => text.Name, text => text.Value.GetString()!, StringComparer.Ordinal);
}
