using System.Text.Json;
using Confluent.Kafka;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Import;

/// <summary>A running 'processor demo' with the real listener, Redis and embedded ClickHouse, found by commands that get its <see cref="Settings"/>.</summary>
internal sealed class DemoProcess : IAsyncDisposable
{
    // Only bounds a hang.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10), Between = TimeSpan.FromMilliseconds(200);
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("stockflow-demo-");
    private readonly HttpClient http = new(new ConnectFailureHandler()) { Timeout = TimeSpan.FromSeconds(30) };
    private ServerProcess? process;
    private JsonElement state;

    /// <summary>Environment of commands that shall find this demo and no other.</summary>
    public Dictionary<string, string> Settings => new() { ["XDG_CACHE_HOME"] = folder.FullName };

    public static async Task<DemoProcess> StartAsync()
    {
        var demo = new DemoProcess();
        try
        {
            demo.process = ServerProcess.Start(
                ServerProcess.Processor, ["demo", "--keep", "--events", "500", "--data-dir", Path.Combine(demo.folder.FullName, "data")], demo.Settings);
            await demo.process.WaitForLineAsync("The demo stays until");
            demo.state = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(demo.folder.FullName, "stockflow", "demo.json"))).RootElement;
            return demo;
        }
        catch
        {
            await demo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command that finds the demo, to its end.</summary>
    public async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        await using var command = ServerProcess.Start(ServerProcess.Processor, arguments, Settings);
        var code = await command.WaitForExitAsync(Patience);
        return (code, command.Output);
    }

    /// <summary>Kills the stream processor with SIGKILL once it has read so many records; the demo starts it again.</summary>
    public async Task KillProcessorAfterAsync(long records)
    {
        await UntilAsync(async () => (await StatusAsync()).GetProperty("totals").GetProperty("read").GetInt64() >= records);
        var line = process!.Output.Split('\n').Last(text => text.Contains("kill -9", StringComparison.Ordinal));
        var id = int.Parse(line.Split("process ")[1].Split(';')[0], System.Globalization.CultureInfo.InvariantCulture);
        using var processor = System.Diagnostics.Process.GetProcessById(id);
        processor.Kill();
    }

    /// <summary>Waits until everything in the topic is applied and durable.</summary>
    public async Task DrainedAsync()
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = Text("kafka"), GroupId = "watch" }).Build();
        await UntilAsync(async () => (await StatusAsync()).GetProperty("lanes").EnumerateArray().ToList() is { Count: > 0 } lanes && lanes.TrueForAll(lane =>
        {
            var partition = new TopicPartition("inventory.movements", lane.GetProperty("partition").GetInt32());
            var end = consumer.QueryWatermarkOffsets(partition, TimeSpan.FromSeconds(10)).High.Value;
            return end == 0 || (lane.GetProperty("positionOffset").GetInt64() == end && lane.GetProperty("durableOffset").GetInt64() == end);
        }));
    }

    public async Task<JsonElement> StatusAsync() => JsonDocument.Parse(await http.GetStringAsync(Text("http") + "/v1/status")).RootElement;

    /// <summary>Rows of a query, tab-separated.</summary>
    public async Task<string[][]> QueryAsync(string sql)
    {
        using var answer = await http.PostAsync($"{Text("clickHouse")}/?database=stockflow", new StringContent(sql + " FORMAT TSV"));
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode
            ? [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))]
            : throw new InvalidOperationException(text);
    }

    /// <summary>On-hand and version of a SKU at a location, or null.</summary>
    public async Task<(long OnHand, long Version)?> PositionAsync(string sku, string location)
    {
        using var answer = await http.GetAsync($"{Text("http")}/v1/positions/{Uri.EscapeDataString(sku)}/{Uri.EscapeDataString(location)}");
        if (answer.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            return null;
        }

        var position = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        return (position.GetProperty("on_hand").GetInt64(), position.GetProperty("version").GetInt64());
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (process is not null)
        {
            await process.DisposeAsync();
        }

        folder.Delete(recursive: true);
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var bound = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                if (await holds())
                {
                    return;
                }
            }
            catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
            {
                // The processor is being started again.
            }

            await Task.Delay(Between, bound.Token);
        }
    }

    private string Text(string name) => state.GetProperty(name).GetString()!;
}
