using System.Net;

namespace Stockflow.Chaos.Servers;

/// <summary>The embedded ClickHouse, in a process of its own, on a small disk where that can be had.</summary>
internal sealed class ClickHouseServer(string processor, string folder, SmallDisk? disk) : IDisposable
{
    public const string Database = "stockflow";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(120) };
    private ServerProcess? process;

    public int Port { get; } = Ports.Free();

    public SmallDisk? Disk { get; } = disk;

    public async Task StartAsync()
    {
        var data = Path.Combine(Disk?.Path ?? folder, "clickhouse");
        string[] command = [.. Disk?.Enter ?? [], processor, "clickhouse", "--path", data, "--port", $"{Port}", "--exit-with-parent"];
        for (var attempt = 1; ; attempt++)
        {
            var started = ServerProcess.Start(Path.Combine(folder, "clickhouse.log"), command[0], command[1..]);
            try
            {
                await started.WaitForLineAsync("listening on ", Patience);
                process = started;
                return;
            }
            catch (InvalidOperationException) when (attempt < 5)
            {
                started.Dispose();
                await Task.Delay(500);
            }
        }
    }

    public bool IsRunning => process is { IsRunning: true };

    public void Kill()
    {
        process?.Dispose();
        process = null;
    }

    public void Pause() => process?.Pause();

    public void Continue() => process?.Continue();

    /// <summary>The answer's lines, each split at its tabs.</summary>
    public async IAsyncEnumerable<string[]> RowsAsync(string sql)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{Port}/?database={Database}") { Content = new StringContent(sql + " FORMAT TabSeparated") };
        using var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new IOException($"ClickHouse: {await response.Content.ReadAsStringAsync()}");
        }

        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            yield return line.Split('\t');
        }
    }

    public async Task ExecuteAsync(string sql)
    {
        using var response = await Http.PostAsync(new Uri($"http://127.0.0.1:{Port}/?database={Database}"), new StringContent(sql));
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new IOException($"ClickHouse: {await response.Content.ReadAsStringAsync()}");
        }
    }

    public void Dispose() => Kill();
}
