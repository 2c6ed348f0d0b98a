namespace Stockflow.Embedded;

/// <summary>Output formats whose blocks may be sent one after the other, and the header lines that each block repeats.</summary>
internal static class ChdbFormats
{
    private static readonly Dictionary<string, int> HeaderLines = new(StringComparer.OrdinalIgnoreCase)
    {
        ["TabSeparated"] = 0,
        ["TSV"] = 0,
        ["TabSeparatedRaw"] = 0,
        ["TSVRaw"] = 0,
        ["CSV"] = 0,
        ["JSONEachRow"] = 0,
        ["JSONLines"] = 0,
        ["NDJSON"] = 0,
        ["JSONStringsEachRow"] = 0,
        ["JSONCompactEachRow"] = 0,
        ["RowBinary"] = 0,
        ["Native"] = 0,
        ["TabSeparatedWithNames"] = 1,
        ["TSVWithNames"] = 1,
        ["JSONCompactEachRowWithNames"] = 1,
        ["TabSeparatedWithNamesAndTypes"] = 2,
        ["TSVWithNamesAndTypes"] = 2,
        ["JSONCompactEachRowWithNamesAndTypes"] = 2,
    };

    public static bool CanStream(string format, out int headerLines) => HeaderLines.TryGetValue(format, out headerLines);

    /// <summary>Where a block's rows begin.</summary>
    public static int SkipLines(ReadOnlySpan<byte> block, int lines)
    {
        var at = 0;
        for (; lines > 0; lines--)
        {
            at += block[at..].IndexOf((byte)'\n') + 1;
        }

        return at;
    }

    public static string ContentType(string format) => format.ToUpperInvariant() switch
    {
        "TABSEPARATED" or "TSV" or "TABSEPARATEDRAW" or "TSVRAW" or "TABSEPARATEDWITHNAMES" or "TSVWITHNAMES"
            or "TABSEPARATEDWITHNAMESANDTYPES" or "TSVWITHNAMESANDTYPES" => "text/tab-separated-values; charset=UTF-8",
        "CSV" => "text/csv; charset=UTF-8; header=absent",
        "CSVWITHNAMES" or "CSVWITHNAMESANDTYPES" => "text/csv; charset=UTF-8; header=present",
        "JSON" or "JSONCOMPACT" or "JSONSTRINGS" or "JSONCOMPACTSTRINGS" => "application/json; charset=UTF-8",
        "JSONEACHROW" or "JSONLINES" or "NDJSON" or "JSONCOMPACTEACHROW" or "JSONCOMPACTEACHROWWITHNAMES"
            or "JSONCOMPACTEACHROWWITHNAMESANDTYPES" => "application/x-ndjson; charset=UTF-8",
        "ROWBINARY" or "NATIVE" or "PARQUET" or "ARROW" or "ARROWSTREAM" or "AVRO" or "ORC" => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    };
}
