using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stockflow.Commands;

/// <summary>
/// Where the parts of a running demo listen. The demo keeps it in <see cref="File"/> while it runs, so that other commands find it
/// without being told.
/// </summary>
public sealed record DemoState
{
    /// <summary>Process id of the demo; it ends all parts when it ends.</summary>
    public required int ProcessId { get; init; }

    /// <summary>Base address of the HTTP API.</summary>
    public required string Http { get; init; }

    /// <summary>bootstrap.servers.</summary>
    public required string Kafka { get; init; }

    /// <summary>Address of the schema registry.</summary>
    public required string Registry { get; init; }

    /// <summary>host:port of Redis, or <c>memory</c> where positions live in the processor.</summary>
    public required string Positions { get; init; }

    /// <summary>Address of ClickHouse's HTTP interface.</summary>
    public required string ClickHouse { get; init; }

    /// <summary>Folder with the data and the logs.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The state file: <c>~/.cache/stockflow/demo.json</c>, or below XDG_CACHE_HOME.</summary>
    [JsonIgnore]
    public static string File
    {
        get
        {
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(cache))
            {
                cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            }

            return Path.Combine(cache, "stockflow", "demo.json");
        }
    }

    /// <summary>The demo that runs on this machine, or null.</summary>
    public static DemoState? Find()
    {
        try
        {
            var state = JsonSerializer.Deserialize(System.IO.File.ReadAllText(File), DemoStateJson.Default.DemoState);
            using var process = Process.GetProcessById(state!.ProcessId);
            return state;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            // No file, a broken one, or that of a demo that has ended.
            return null;
        }
    }

    /// <summary>Writes the state file.</summary>
    public void Save()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        var temporary = $"{File}.{ProcessId}";
        System.IO.File.WriteAllText(temporary, JsonSerializer.Serialize(this, DemoStateJson.Default.DemoState));
        System.IO.File.Move(temporary, File, overwrite: true);
    }

    /// <summary>Removes the state file if it is still this demo's.</summary>
    public void Remove()
    {
        if (Find()?.ProcessId == ProcessId)
        {
            System.IO.File.Delete(File);
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(DemoState))]
internal sealed partial class DemoStateJson : JsonSerializerContext;
