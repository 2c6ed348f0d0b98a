using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Stockflow.History;

/// <summary>Reads rows from an answer's body, and the exception that a server may put behind rows it has already sent.</summary>
internal static class ClickHouseRows
{
    public const string StreamFormat = "JSONCompactEachRowWithNamesAndTypes", WholeFormat = "JSONCompact";

    /// <summary>One JSON array a line: names, types, then the rows.</summary>
    public static async IAsyncEnumerable<ClickHouseRow> StreamAsync(Stream body, Uri address, [EnumeratorCancellation] CancellationToken token)
    {
        using var reader = new StreamReader(body, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, 64 << 10);
        if (await LineAsync(reader, address, token) is not { } names)
        {
            yield break;
        }

        var types = await LineAsync(reader, address, token) ?? throw ClickHouseException.Unreadable("the answer ends after the column names");
        var columns = Columns(Array(names), Array(types));
        while (await LineAsync(reader, address, token) is { } row)
        {
            yield return new ClickHouseRow(columns, row);
        }

        static string[] Array(JsonElement line) => [.. line.EnumerateArray().Select(item => item.GetString() ?? "")];
    }

    /// <summary>One JSON document with <c>meta</c> and <c>data</c>.</summary>
    public static async IAsyncEnumerable<ClickHouseRow> WholeAsync(Stream body, [EnumeratorCancellation] CancellationToken token)
    {
        using var reader = new StreamReader(body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync(token);
        var document = Parse(text);
        var meta = document.GetProperty("meta").EnumerateArray().ToArray();
        var columns = Columns(
            [.. meta.Select(item => item.GetProperty("name").GetString()!)], [.. meta.Select(item => item.GetProperty("type").GetString()!)]);
        foreach (var row in document.GetProperty("data").EnumerateArray())
        {
            yield return new ClickHouseRow(columns, row);
        }
    }

    private static ClickHouseColumn[] Columns(string[] names, string[] types) =>
        [.. names.Select((name, i) => new ClickHouseColumn(name, i < types.Length ? types[i] : ""))];

    private static async Task<JsonElement?> LineAsync(StreamReader reader, Uri address, CancellationToken token)
    {
        string? line;
        try
        {
            line = await reader.ReadLineAsync(token);
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException)
        {
            throw ClickHouseException.Unreachable(address, "the answer broke off: " + failure.Message, failure);
        }

        if (line is null)
        {
            return null;
        }

        if (line.StartsWith('['))
        {
            return Parse(line);
        }

        // Rows are arrays; anything else is the text of an exception, plain or between "__exception__" marks.
        var rest = line + "\n" + await reader.ReadToEndAsync(token);
        throw ClickHouseException.IsExceptionText(rest)
            ? ClickHouseException.Parse(HttpStatusCode.OK, null, rest.Replace("__exception__", "", StringComparison.Ordinal))
            : ClickHouseException.Unreadable($"a row that is no JSON array: {line[..Math.Min(line.Length, 200)]}");
    }

    private static JsonElement Parse(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException failure)
        {
            // An exception may begin in the middle of a row.
            throw ClickHouseException.IsExceptionText(text)
                ? ClickHouseException.Parse(HttpStatusCode.OK, null, text[text.IndexOf("Code: ", StringComparison.Ordinal)..])
                : ClickHouseException.Unreadable("a row that is no JSON: " + failure.Message, failure);
        }
    }
}
