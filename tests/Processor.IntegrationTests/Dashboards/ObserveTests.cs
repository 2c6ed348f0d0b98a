using System.Buffers.Binary;
using System.Text.Json;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Dashboards;

/// <summary>Runs dashboards/observe.mjs as ./eng/observe does: a demo under load, a real Prometheus with the alerts, everything that dashboards and alerts ask.</summary>
[Collection("Dashboards")]
public sealed class ObserveTests
{
    // Only bounds a hang.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task Every_expression_of_dashboards_and_alerts_has_data_and_a_dashboard_can_be_drawn()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-observe-test-");
        try
        {
            await using var observe = ServerProcess.Start("node",
                [Script(), "--json", "--pictures", "stockflow-overview", "--out", folder.FullName, "--processor", ServerProcess.Processor]);
            var code = await observe.WaitForExitAsync(Patience);
            var answer = observe.Output.Split('\n').LastOrDefault(line => line.StartsWith('{'));
            Assert.True(answer is not null, observe.Output);
            var seen = JsonDocument.Parse(answer).RootElement;
            var problems = seen.GetProperty("problems").GetRawText();
            Assert.True(problems == "[]", problems);
            Assert.True(code == 0, observe.Output);
            Assert.True(seen.GetProperty("dashboards").GetInt32() >= 7 && seen.GetProperty("expressions").GetInt32() >= 200 && seen.GetProperty("sides").GetInt32() >= 100, answer);

            var picture = await File.ReadAllBytesAsync(Path.Combine(folder.FullName, "stockflow-overview.png"));
            Assert.Equal("PNG"u8, picture.AsSpan(1, 3));
            Assert.InRange(BinaryPrimitives.ReadInt32BigEndian(picture.AsSpan(16)), 1000, 4000);
            Assert.InRange(BinaryPrimitives.ReadInt32BigEndian(picture.AsSpan(20)), 600, 8000);
            // An empty page of this size is smaller than 20 KiB.
            Assert.True(picture.Length > 40_000, $"the picture has {picture.Length} bytes");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Script()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "dashboards", "observe.mjs");
            if (File.Exists(script))
            {
                return script;
            }
        }

        throw new InvalidOperationException($"no dashboards/observe.mjs above {AppContext.BaseDirectory}");
    }
}
