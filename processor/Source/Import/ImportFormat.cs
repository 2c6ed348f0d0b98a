using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Kinds of files.</summary>
public enum ImportFormat
{
    /// <summary>By the file's name: .csv, .tsv, .txt; .json, .jsonl, .ndjson; .avro; each also with .gz.</summary>
    Auto,
    Csv,
    JsonLines,
    Avro,
}

/// <summary>Opens a file with the reader of its format.</summary>
public static class ImportFormats
{
    /// <exception cref="SetupException">The format is not known, or the file's beginning is not of that format.</exception>
    public static async Task<IRowReader> OpenAsync(
        string path, ImportStream stream, ImportFormat format, ImportMapping mapping, AvroSchema movement, CancellationToken token)
    {
        try
        {
            return Detect(path, format) switch
            {
                ImportFormat.Csv => new CsvRowReader(stream, mapping.Csv, mapping.Columns),
                ImportFormat.JsonLines => new JsonLinesRowReader(stream, mapping.Columns),
                _ => await AvroRowReader.OpenAsync(stream, mapping.Columns, movement, token),
            };
        }
        catch (SetupException error)
        {
            throw new SetupException($"{path}: {stream.Problem ?? error.Message}", error);
        }
    }

    public static ImportFormat Detect(string path, ImportFormat format)
    {
        if (format != ImportFormat.Auto)
        {
            return format;
        }

        var name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        return Path.GetExtension(name).ToUpperInvariant() switch
        {
            ".CSV" or ".TSV" or ".TXT" => ImportFormat.Csv,
            ".JSON" or ".JSONL" or ".NDJSON" => ImportFormat.JsonLines,
            ".AVRO" => ImportFormat.Avro,
            var extension => throw new SetupException($"{path}: the ending '{extension}' says nothing about the format; name it with --format csv, jsonl or avro."),
        };
    }
}
