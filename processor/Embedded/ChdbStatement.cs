using System.Text;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>What the server must know of a statement before it hands it to the engine.</summary>
/// <param name="Kind">How the engine is to run it.</param>
/// <param name="HeadLength">INSERT with data: length of the statement without FORMAT clause and data.</param>
/// <param name="DataStart">INSERT with data: where the data begin; the text's length where they all follow.</param>
/// <param name="Format">The FORMAT clause's format, VALUES as "Values"; null without one.</param>
/// <param name="Refused">A feature this server does not have, named for people; null when there is none.</param>
public readonly record struct ChdbStatement(ChdbStatementKind Kind, int HeadLength, int DataStart, string? Format, string? Refused)
{
    /// <summary>
    /// Functions and engines that reach outside the data folder. They are refused because whoever can reach the port would
    /// read and write files and networks with this process's rights. This is no sandbox, only a shut door.
    /// </summary>
    private static readonly HashSet<string> Outside = new(StringComparer.OrdinalIgnoreCase)
    {
        "file", "fileCluster", "url", "urlCluster", "s3", "s3Cluster", "gcs", "oss", "cosn", "hdfs", "hdfsCluster", "azureBlobStorage",
        "azureBlobStorageCluster", "executable", "executablePool", "remote", "remoteSecure", "cluster", "clusterAllReplicas", "mysql",
        "postgresql", "mongodb", "redis", "sqlite", "jdbc", "odbc", "iceberg", "icebergLocal", "icebergS3", "deltaLake", "deltaLakeLocal",
        "hudi", "python", "arrowStream", "ytsaurus", "materializedPostgreSQL", "kafka", "rabbitMQ", "NATS", "fileLog", "S3Queue",
        "distributed", "filesystem", "paimon", "paimonLocal", "arrowFlight",
    };

    public static ChdbStatement Parse(ReadOnlySpan<byte> text)
    {
        var lexer = new SqlLexer(text);
        if (!lexer.Next())
        {
            return new ChdbStatement(ChdbStatementKind.Empty, 0, 0, null, null);
        }

        if (lexer.Is("INSERT"u8))
        {
            return ParseInsert(ref lexer, text);
        }

        var select = lexer.Is("SELECT"u8) || lexer.Is("WITH"u8) || lexer.IsSymbol((byte)'(');
        return ParseOther(ref lexer, select);
    }

    private static ChdbStatement ParseInsert(ref SqlLexer lexer, ReadOnlySpan<byte> text)
    {
        var depth = 0;
        var afterOpening = false;
        while (lexer.Next())
        {
            if (lexer.IsSymbol((byte)'('))
            {
                depth++;
                afterOpening = true;
                continue;
            }

            if (lexer.IsSymbol((byte)')'))
            {
                depth--;
            }
            else if (lexer.Is("SELECT"u8) && (depth == 0 || afterOpening) || (lexer.Is("WITH"u8) && depth == 0))
            {
                var rest = ParseOther(ref lexer, stream: false);
                return rest with { Kind = ChdbStatementKind.Whole };
            }
            else if (depth == 0 && lexer.Is("VALUES"u8))
            {
                return new ChdbStatement(ChdbStatementKind.InsertData, lexer.Start, lexer.End, "Values", null);
            }
            else if (depth == 0 && lexer.Is("FORMAT"u8))
            {
                var head = lexer.Start;
                return lexer.Next() && lexer.Kind == SqlToken.Word
                    ? new ChdbStatement(ChdbStatementKind.InsertData, head, SkipLineEnd(text, lexer.End), Encoding.UTF8.GetString(lexer.Token), null)
                    : new ChdbStatement(ChdbStatementKind.Whole, 0, 0, null, null);
            }
            else if (depth == 0 && (lexer.Is("INFILE"u8) || lexer.Is("FUNCTION"u8)))
            {
                return new ChdbStatement(ChdbStatementKind.Whole, 0, 0, null, "INSERT " + Encoding.UTF8.GetString(lexer.Token).ToUpperInvariant());
            }

            afterOpening = false;
        }

        return new ChdbStatement(ChdbStatementKind.InsertWithoutFormat, text.Length, text.Length, null, null);
    }

    private static ChdbStatement ParseOther(ref SqlLexer lexer, bool stream)
    {
        string? format = null;
        string? refused = null;
        var previousIsFormat = false;
        var settings = false;
        string? identifier = null;
        do
        {
            if (lexer.IsSymbol((byte)'(') && identifier is not null)
            {
                refused ??= Outside.Contains(identifier) ? $"{identifier}()" : null;
                refused ??= identifier.Equals("input", StringComparison.OrdinalIgnoreCase) ? "input()" : null;
            }

            identifier = lexer.Kind switch
            {
                SqlToken.Word => Encoding.UTF8.GetString(lexer.Token),
                SqlToken.QuotedIdentifier => Encoding.UTF8.GetString(lexer.Token[1..^1]),
                _ => null,
            };
            if (previousIsFormat && lexer.Kind == SqlToken.Word)
            {
                format = identifier;
            }
            else if (format is not null && !settings && !lexer.IsSymbol((byte)';'))
            {
                settings = lexer.Is("SETTINGS"u8);
                if (!settings)
                {
                    // FORMAT was a name here and not the clause: nothing but SETTINGS stands behind that.
                    format = null;
                    stream = false;
                }
            }

            refused ??= lexer.Is("OUTFILE"u8) ? "INTO OUTFILE" : null;
            previousIsFormat = lexer.Is("FORMAT"u8);
            // The totals row follows all blocks, so it can not be written block by block.
            stream &= !lexer.Is("TOTALS"u8);
        }
        while (lexer.Next());
        return new ChdbStatement(stream ? ChdbStatementKind.Select : ChdbStatementKind.Whole, 0, 0, format, refused);
    }

    /// <summary>ClickHouse's rule: blanks after the format's name and one line end do not belong to the data.</summary>
    private static int SkipLineEnd(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && text[at] is (byte)' ' or (byte)'\t' or (byte)'\f')
        {
            at++;
        }

        if (at < text.Length && text[at] == '\r')
        {
            at++;
        }

        return at < text.Length && text[at] == '\n' ? at + 1 : at;
    }
}

/// <summary>How the engine is to run a statement.</summary>
public enum ChdbStatementKind : byte
{
    Empty,

    /// <summary>A query whose result may be sent block by block.</summary>
    Select,

    /// <summary>Runs in one call, its result held in memory.</summary>
    Whole,

    /// <summary>INSERT with FORMAT or VALUES: the data follow.</summary>
    InsertData,

    /// <summary>INSERT that names no format: the request does.</summary>
    InsertWithoutFormat,
}
