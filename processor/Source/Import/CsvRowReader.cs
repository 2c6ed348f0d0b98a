using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// Reads CSV (RFC 4180) with a header line. A record that is broken costs only itself: where a quote stays open, or a record of
/// several lines turns out broken, its first line alone is rejected and the following lines are read afresh.
/// </summary>
public sealed class CsvRowReader : IRowReader
{
    private readonly LineReader lines;
    private readonly Stream stream;
    private readonly CsvFields fields;
    private readonly CsvInput input;
    private readonly LinkedList<Line> pending = [];
    private readonly int[] header;

    /// <exception cref="SetupException">The file has no usable header.</exception>
    public CsvRowReader(Stream stream, CsvInput input, ColumnSet columns)
    {
        this.stream = stream;
        this.input = input;
        lines = new LineReader(stream, ImportLimits.RecordBytes);
        fields = new CsvFields(input.Delimiter);
        Row = new RawRow(columns);
        header = ReadHeader(columns);
    }

    public ReadOnlyMemory<byte> Header { get; private set; }

    public RawRow Row { get; }

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
        Line line;
        do
        {
            if (!TryNext(out line))
            {
                return false;
            }
        }
        while (line.Bytes.IsEmpty && line.Skipped == 0);

        Row.Clear();
        Row.Number++;
        Row.Line = line.Number;
        Row.Raw = line.Bytes;
        if (line.Skipped > 0)
        {
            Row.Problem = new RowProblem("too_long", $"the line is {line.Skipped} bytes longer than the {ImportLimits.RecordBytes} allowed", ImportLimits.RecordBytes);
            return true;
        }

        var quotes = new CsvQuotes((byte)input.Delimiter);
        var wrong = quotes.Follow(line.Bytes.Span);
        if (wrong > 0)
        {
            Row.Problem = BadQuote(wrong);
        }
        else if (quotes.IsOpen)
        {
            ReadOverLines(line, quotes);
        }
        else
        {
            Row.Problem = Fill(line.Bytes.Span);
        }

        return true;
    }

    private static RowProblem BadQuote(int position) =>
        new("bad_quote", "a quote stands inside a field without being doubled, or text follows a closing quote", position);

    private void ReadOverLines(Line line, CsvQuotes quotes)
    {
        var first = line with { Bytes = line.Bytes.ToArray() };
        var record = new List<byte>(first.Bytes.ToArray());
        var more = new List<Line>();
        RowProblem? problem = null;
        while (quotes.IsOpen && problem is null)
        {
            if (more.Count + 1 >= ImportLimits.RecordLines || record.Count > ImportLimits.RecordBytes || !TryNext(out var next))
            {
                problem = new RowProblem("open_quote", "a quoted field is not closed", first.Bytes.Span.LastIndexOf((byte)'"') + 1);
                break;
            }

            next = next with { Bytes = next.Bytes.ToArray() };
            more.Add(next);
            record.Add((byte)'\n');
            record.AddRange(next.Bytes.Span);
            var wrong = quotes.Follow(next.Bytes.Span);
            problem = next.Skipped > 0 || wrong > 0 ? BadQuote(first.Bytes.Span.LastIndexOf((byte)'"') + 1) : null;
        }

        var all = record.ToArray();
        problem ??= Fill(all);
        Row.Problem = problem;
        Row.Raw = problem is null ? all : first.Bytes;
        if (problem is not null)
        {
            for (var i = more.Count - 1; i >= 0; i--)
            {
                pending.AddFirst(more[i]);
            }
        }
    }

    private RowProblem? Fill(ReadOnlySpan<byte> record)
    {
        var text = StrictText.Decode(record, input.Latin1, out var problem);
        if (text is null)
        {
            return problem;
        }

        var values = fields.Split(text);
        if (values.Count != header.Length)
        {
            return new RowProblem("column_count", $"the record has {values.Count} columns, the header has {header.Length}");
        }

        for (var i = 0; i < values.Count; i++)
        {
            Row.Add(header[i], values[i]);
        }

        return null;
    }

    private bool TryNext(out Line line)
    {
        if (pending.First is { } node)
        {
            line = node.Value;
            pending.RemoveFirst();
            return true;
        }

        var found = lines.TryRead(out var bytes);
        line = new Line(bytes, lines.Number, lines.Skipped);
        return found;
    }

    private int[] ReadHeader(ColumnSet columns)
    {
        if (!lines.TryRead(out var line) || line.IsEmpty)
        {
            throw new SetupException("line 1: the file is empty or its first line is; a CSV file starts with a line of column names.");
        }

        if (line.Span is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            throw new SetupException("line 1: the file is in UTF-16; convert it to UTF-8 first.");
        }

        Header = line.ToArray();
        var quotes = new CsvQuotes((byte)input.Delimiter);
        var text = StrictText.Decode(line.Span, input.Latin1, out var problem);
        var names = quotes.Follow(line.Span) == 0 && !quotes.IsOpen && text is not null ? fields.Split(text) : null;
        if (names is null || lines.Skipped > 0 || names.Count > ImportLimits.Columns)
        {
            throw new SetupException($"line 1: the column names can not be read: {problem?.Message ?? "quotes out of order, or too many columns"}.");
        }

        var numbers = new int[names.Count];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < names.Count; i++)
        {
            var name = names[i].Trim();
            if (!seen.Add(name))
            {
                throw new SetupException($"line 1, column {i + 1}: the name '{name}' stands twice; give every column its own name.");
            }

            numbers[i] = columns.Add(name);
        }

        foreach (var required in input.RequiredColumns)
        {
            if (!seen.Contains(required))
            {
                throw new SetupException($"line 1: there is no column '{required}', which the mapping asks for; the file has: {string.Join(", ", names)}.");
            }
        }

        return numbers;
    }

    private readonly record struct Line(ReadOnlyMemory<byte> Bytes, long Number, long Skipped);
}

/// <summary>How to read a CSV file.</summary>
/// <param name="Delimiter">An ASCII character.</param>
/// <param name="Latin1">Whether the bytes are ISO 8859-1 instead of UTF-8.</param>
/// <param name="RequiredColumns">Columns that the header must name.</param>
public sealed record CsvInput(char Delimiter, bool Latin1, IReadOnlyList<string> RequiredColumns);
