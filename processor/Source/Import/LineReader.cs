namespace Stockflow.Source.Import;

/// <summary>Splits a stream into lines (LF or CRLF) of bounded length.</summary>
internal sealed class LineReader(Stream stream, int maximum)
{
    private byte[] buffer = new byte[64 * 1024];
    private int start, end;
    private bool first = true, ended;

    /// <summary>Number of the line that was read last, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>Bytes of the last line beyond the maximum, which were skipped.</summary>
    public long Skipped { get; private set; }

    /// <summary>Reads a line without its end; the bytes are valid until the next call.</summary>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        Skipped = 0;
        var searched = 0;
        while (true)
        {
            var found = buffer.AsSpan(start + searched, end - start - searched).IndexOf((byte)'\n');
            if (found >= 0)
            {
                line = Take(searched + found, 1);
                return true;
            }

            searched = end - start;
            if (searched > maximum + 1)
            {
                line = Oversized();
                return true;
            }

            if (ended || !Fill())
            {
                // A line that broken compression cuts short may look whole; it is not taken.
                var whole = searched > 0 && stream is not ImportStream { Problem: not null };
                line = whole ? Take(searched, 0) : default;
                return whole;
            }
        }
    }

    private ReadOnlyMemory<byte> Take(int length, int terminator)
    {
        var line = buffer.AsMemory(start, length);
        start += length + terminator;
        Number++;
        if (first)
        {
            first = false;
            line = line.Span.StartsWith("\uFEFF"u8) ? line[3..] : line;
        }

        line = line.Length > 0 && line.Span[^1] == '\r' ? line[..^1] : line;
        if (line.Length > maximum)
        {
            Skipped = line.Length - maximum;
            line = line[..maximum];
        }

        return line;
    }

    private byte[] Oversized()
    {
        var kept = buffer.AsSpan(start, maximum).ToArray();
        Skipped = end - start - maximum;
        start = end = 0;
        first = false;
        Number++;
        while (Fill())
        {
            var found = buffer.AsSpan(0, end).IndexOf((byte)'\n');
            if (found >= 0)
            {
                Skipped += found;
                start = found + 1;
                break;
            }

            Skipped += end;
            end = 0;
        }

        return kept;
    }

    private bool Fill()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            end -= start;
            start = 0;
        }

        if (end == buffer.Length)
        {
            Array.Resize(ref buffer, buffer.Length * 2);
        }

        var read = stream.Read(buffer, end, buffer.Length - end);
        end += read;
        ended = read == 0;
        return read > 0;
    }
}
