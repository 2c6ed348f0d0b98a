namespace Stockflow.Source.Import;

/// <summary>Follows the quotes of a CSV record over its lines (RFC 4180): only this decides where a record ends.</summary>
internal struct CsvQuotes(byte delimiter)
{
    private bool inside;

    /// <summary>Whether a quoted field is still open after the lines so far.</summary>
    public readonly bool IsOpen => inside;

    /// <summary>Follows one line; returns the byte from 1 where a quote breaks the rules, or 0.</summary>
    public int Follow(ReadOnlySpan<byte> line)
    {
        if (!inside && line.IndexOf((byte)'"') < 0)
        {
            return 0;
        }

        var fieldStart = !inside;
        for (var i = 0; i < line.Length; i++)
        {
            var value = line[i];
            if (inside)
            {
                if (value != '"')
                {
                    continue;
                }

                if (i + 1 < line.Length && line[i + 1] == '"')
                {
                    i++;
                    continue;
                }

                inside = false;
                if (i + 1 < line.Length && line[i + 1] != delimiter)
                {
                    return i + 2;
                }

                fieldStart = false;
            }
            else if (value == delimiter)
            {
                fieldStart = true;
            }
            else if (value == '"')
            {
                if (!fieldStart)
                {
                    return i + 1;
                }

                inside = true;
            }
            else
            {
                fieldStart = false;
            }
        }

        return 0;
    }
}
