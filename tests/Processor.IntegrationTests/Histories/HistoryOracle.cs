using System.Globalization;
using System.Text.Json;
using Stockflow.IntegrationTests.Fixtures;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>What histories must lead to, computed by DuckDB from the raw events (Peers/history-oracle.js), as lines by table.</summary>
internal static class HistoryOracle
{
    public static async Task<Dictionary<string, string[]>> AskAsync(IEnumerable<RawEvent> events, long untilTs)
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-histories-").FullName;
        try
        {
            var input = Path.Combine(folder, "events.jsonl");
            await File.WriteAllLinesAsync(input, events.Select(one => JsonSerializer.Serialize(one.Json())));
            await NodePeer.RunAsync("history-oracle.js", input, folder, untilTs.ToString(CultureInfo.InvariantCulture));
            var tables = new Dictionary<string, string[]>();
            foreach (var file in Directory.EnumerateFiles(folder, "*.txt"))
            {
                tables.Add(Path.GetFileNameWithoutExtension(file), await File.ReadAllLinesAsync(file));
            }

            return tables;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
