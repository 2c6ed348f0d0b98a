using System.Text.Json;
using System.Text.Json.Serialization;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>How far the import of one file has come; kept beside the report so that a killed import goes on where it was.</summary>
public sealed record ImportState
{
    public const string Suffix = ".import-state.json";

    /// <summary>Full path of the file.</summary>
    public required string File { get; init; }

    public required string FileHash { get; init; }

    public required string MappingHash { get; init; }

    /// <summary>Tells the pseudonyms' key apart; empty without one.</summary>
    public required string KeyId { get; init; }

    /// <summary>bootstrap.servers and topic.</summary>
    public required string Target { get; init; }

    /// <summary>The last record up to which the broker has all.</summary>
    public long AcknowledgedRow { get; init; }

    public bool Finished { get; init; }

    /// <summary>The record after which this import may go on: 0 where the state is of something else, or finished.</summary>
    public static long ResumeRow(string path, ImportState wanted)
    {
        try
        {
            var found = JsonSerializer.Deserialize(System.IO.File.ReadAllText(path), ImportStateJson.Default.ImportState);
            return found is { Finished: false } && found with { AcknowledgedRow = 0 } == wanted with { AcknowledgedRow = 0 } ? found.AcknowledgedRow : 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            // Without a readable state the import starts over, which is always right.
            return 0;
        }
    }

    /// <summary>Replaces the state in one step.</summary>
    /// <exception cref="SetupException">The folder can not be written.</exception>
    public void Save(string path)
    {
        try
        {
            var next = path + ".next";
            System.IO.File.WriteAllText(next, JsonSerializer.Serialize(this, ImportStateJson.Default.ImportState));
            System.IO.File.Move(next, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SetupException($"{path} can not be written: {error.Message}", error);
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImportState))]
internal sealed partial class ImportStateJson : JsonSerializerContext;
