namespace Stockflow.Model;

/// <summary>Kind of the token that <see cref="SqlLexer"/> stands on.</summary>
public enum SqlToken : byte
{
    End,

    /// <summary>A bare identifier, keyword or number.</summary>
    Word,

    /// <summary>'...' or $tag$...$tag$.</summary>
    Text,

    /// <summary>`...` or "...".</summary>
    QuotedIdentifier,

    /// <summary>One byte of punctuation.</summary>
    Symbol,

    /// <summary>A quote or comment without its end; it spans the rest of the text.</summary>
    Unterminated,
}

/// <summary>
/// Splits ClickHouse SQL into tokens without allocating, over UTF-8 bytes, so that it can stand before the binary data
/// of an INSERT. Comments (<c>--</c>, <c>#!</c>, <c># </c>, <c>/* */</c>) and blanks are skipped.
/// </summary>
public ref struct SqlLexer(ReadOnlySpan<byte> text)
{
    private readonly ReadOnlySpan<byte> _text = text;

    /// <summary>First byte of the token.</summary>
    public int Start { get; private set; }

    /// <summary>First byte after the token.</summary>
    public int End { get; private set; }

    public SqlToken Kind { get; private set; }

    public readonly ReadOnlySpan<byte> Token => _text[Start..End];

    /// <summary>True when the token is the bare word <paramref name="upperCase"/>, in any case of letters.</summary>
    public readonly bool Is(ReadOnlySpan<byte> upperCase) =>
        Kind == SqlToken.Word && System.Text.Ascii.EqualsIgnoreCase(Token, upperCase);

    public readonly bool IsSymbol(byte symbol) => Kind == SqlToken.Symbol && _text[Start] == symbol;

    /// <summary>Moves to the next token; false at the end of the text.</summary>
    public bool Next()
    {
        if (!SkipBlanks())
        {
            return Kind != SqlToken.End;
        }

        var first = _text[Start];
        switch (first)
        {
            case (byte)'\'':
                Quoted(first, SqlToken.Text);
                break;
            case (byte)'`' or (byte)'"':
                Quoted(first, SqlToken.QuotedIdentifier);
                break;
            case (byte)'$' when Heredoc():
                break;
            default:
                Plain(first);
                break;
        }

        return true;
    }

    private static bool IsWord(byte value) =>
        value is >= (byte)'a' and <= (byte)'z' or >= (byte)'A' and <= (byte)'Z' or >= (byte)'0' and <= (byte)'9'
            or (byte)'_' or (byte)'$' or >= 0x80;

    private void Set(SqlToken kind, int end)
    {
        Kind = kind;
        End = end;
    }

    private void Plain(byte first)
    {
        if (!IsWord(first))
        {
            Set(SqlToken.Symbol, Start + 1);
            return;
        }

        var end = Start + 1;
        while (end < _text.Length && IsWord(_text[end]))
        {
            end++;
        }

        Set(SqlToken.Word, end);
    }

    /// <summary>False when the end or an unterminated comment was reached; the token is set then.</summary>
    private bool SkipBlanks()
    {
        var at = End;
        while (at < _text.Length)
        {
            var rest = _text[at..];
            if (rest[0] <= (byte)' ')
            {
                at++;
            }
            else if (rest.StartsWith("--"u8) || rest.StartsWith("#!"u8) || rest.StartsWith("# "u8))
            {
                var line = rest.IndexOf((byte)'\n');
                at = line < 0 ? _text.Length : at + line + 1;
            }
            else if (rest.StartsWith("/*"u8))
            {
                var close = rest[2..].IndexOf("*/"u8);
                if (close < 0)
                {
                    Start = at;
                    Set(SqlToken.Unterminated, _text.Length);
                    return false;
                }

                at += close + 4;
            }
            else
            {
                Start = at;
                return true;
            }
        }

        Start = _text.Length;
        Set(SqlToken.End, _text.Length);
        return false;
    }

    private void Quoted(byte quote, SqlToken kind)
    {
        for (var at = Start + 1; at < _text.Length; at++)
        {
            if (_text[at] == (byte)'\\')
            {
                at++;
            }
            else if (_text[at] == quote)
            {
                if (at + 1 < _text.Length && _text[at + 1] == quote)
                {
                    at++;
                    continue;
                }

                Set(kind, at + 1);
                return;
            }
        }

        Set(SqlToken.Unterminated, _text.Length);
    }

    private bool Heredoc()
    {
        var rest = _text[Start..];
        var tag = rest[1..].IndexOf((byte)'$');
        if (tag < 0 || rest.Slice(1, tag).ContainsAnyExcept(TagBytes))
        {
            return false;
        }

        var delimiter = rest[..(tag + 2)];
        var close = rest[delimiter.Length..].IndexOf(delimiter);
        if (close < 0)
        {
            Set(SqlToken.Unterminated, _text.Length);
        }
        else
        {
            Set(SqlToken.Text, Start + close + (2 * delimiter.Length));
        }

        return true;
    }

    private static readonly System.Buffers.SearchValues<byte> TagBytes =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"u8);
}
