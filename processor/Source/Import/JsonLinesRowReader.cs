using System.Text.Json;

namespace Stockflow.Source.Import;

/// <summary>Reads one JSON object a line. A nested object's members become columns <c>outer.inner</c>; an array is kept as JSON text.</summary>
public sealed class JsonLinesRowReader(Stream stream, ColumnSet columns) : IRowReader
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = ImportLimits.JsonDepth, AllowDuplicateProperties = false };
    private readonly LineReader lines = new(stream, ImportLimits.RecordBytes);

    public ReadOnlyMemory<byte> Header => default;

    public RawRow Row { get; } = new(columns);

    public void Dispose() => stream.Dispose();

    public ValueTask<bool> ReadAsync(CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read());
    }

    public ReadOnlyMemory<byte> Verbatim() => Row.Raw;

    /// <summary>Moves to the next record; false at the end.</summary>
    public bool Read()
    {
        ReadOnlyMemory<byte> line;
        do
        {
            if (!lines.TryRead(out line))
            {
                return false;
            }
        }
        while (line.Span.IndexOfAnyExcept((byte)' ', (byte)'\t') < 0 && lines.Skipped == 0);

        Row.Clear();
        Row.Number++;
        Row.Line = lines.Number;
        Row.Raw = line;
        Row.Problem = lines.Skipped > 0
            ? new RowProblem("too_long", $"the line is {lines.Skipped} bytes longer than the {ImportLimits.RecordBytes} allowed", ImportLimits.RecordBytes)
            : Fill(line);
        return true;
    }

    private RowProblem? Fill(ReadOnlyMemory<byte> line)
    {
        _ = StrictText.Decode(line.Span, latin1: false, out var problem);
        if (problem is not null)
        {
            return problem;
        }

        try
        {
            using var document = JsonDocument.Parse(line, Options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return new RowProblem("not_an_object", "the line is no JSON object", 1);
            }

            Add(document.RootElement, "");
            return Row.Order.Count <= ImportLimits.Columns && Row.Columns.Count <= ImportLimits.ColumnNames
                ? null
                : new RowProblem("too_many_columns", $"the object has more than {ImportLimits.Columns} members, or the file more than {ImportLimits.ColumnNames} names of members");
        }
        catch (JsonException error)
        {
            return new RowProblem("bad_json", "the line is no valid JSON object: " + error.Message, (int)(error.BytePositionInLine ?? -1) + 1);
        }
        catch (InvalidOperationException)
        {
            return new RowProblem("bad_json", "a string holds an invalid escape sequence");
        }
    }

    private void Add(JsonElement element, string prefix)
    {
        foreach (var member in element.EnumerateObject())
        {
            if (Row.Order.Count > ImportLimits.Columns || Row.Columns.Count > ImportLimits.ColumnNames)
            {
                return;
            }

            var name = prefix + member.Name;
            switch (member.Value.ValueKind)
            {
                case JsonValueKind.Object:
                    Add(member.Value, name + ".");
                    break;
                case JsonValueKind.Null:
                    Row.Add(Row.Columns.Add(name), null);
                    break;
                case JsonValueKind.String:
                    Row.Add(Row.Columns.Add(name), member.Value.GetString());
                    break;
                default:
                    Row.Add(Row.Columns.Add(name), member.Value.GetRawText());
                    break;
            }
        }
    }
}
