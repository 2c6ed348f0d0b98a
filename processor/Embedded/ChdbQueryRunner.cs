using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Stockflow.Embedded;

/// <summary>Runs one statement without INSERT data and writes its result.</summary>
internal sealed class ChdbQueryRunner(ChdbEngine engine, HttpContext context, ChdbRequest request)
{
    private const int PieceBytes = 128 << 10;

    /// <summary>Results below this are sent with their length and summary.</summary>
    private const long HeldBytes = 1 << 20;
    private readonly HttpResponse _response = context.Response;
    private readonly CancellationToken _token = context.RequestAborted;

    public static ChdbConnection Open(ChdbEngine engine, ChdbRequest request)
    {
        var connection = engine.Connect(request.Settings)
            ?? throw ChdbException.Of(ChdbError.BadArguments, "BAD_ARGUMENTS", "a setting has a value that the engine refuses: "
                + string.Join(", ", request.Settings.Select(setting => $"{setting.Key}={setting.Value}")));
        if (request.Database is { Length: > 0 } database)
        {
            var quoted = database.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("`", "\\`", StringComparison.Ordinal);
            using var result = connection.Query(Encoding.UTF8.GetBytes($"USE `{quoted}`"), "Null", []);
            if (result.Error is { } error)
            {
                connection.Dispose();
                throw new ChdbException(ChdbError.Parse(error));
            }
        }

        return connection;
    }

    public static void WriteSummary(HttpResponse response, ChdbStatistics statistics) =>
        response.Headers["X-ClickHouse-Summary"] = string.Create(CultureInfo.InvariantCulture,
            $$"""{"read_rows":"{{statistics.ReadRows}}","read_bytes":"{{statistics.ReadBytes}}","written_rows":"{{statistics.WrittenRows}}","written_bytes":"{{statistics.WrittenBytes}}","total_rows_to_read":"0","result_rows":"{{statistics.ResultRows}}","result_bytes":"0","elapsed_ns":"{{(long)(statistics.ElapsedSeconds * 1e9)}}"}""");

    public async Task RunAsync(ReadOnlyMemory<byte> query, ChdbStatement statement)
    {
        var format = statement.Format ?? request.Format ?? "TabSeparated";
        using var connection = Open(engine, request);
        if (connection.CountStatements(query.Span) > 1)
        {
            throw ChdbException.Of(ChdbError.SyntaxError, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)");
        }

        if (statement.Kind is ChdbStatementKind.Select && ChdbFormats.CanStream(format, out var headerLines)
            && !request.Settings.Exists(setting => setting.Key == "extremes")
            && await StreamAsync(connection, query, format, headerLines))
        {
            return;
        }

        using var result = connection.Query(query.Span, format, request.Parameters);
        if (result.Error is { } error)
        {
            throw new ChdbException(ChdbError.Parse(error));
        }

        await WriteWholeAsync([result], format, 0, result.Statistics);
    }

    /// <summary>False, with nothing run, when the engine does not stream this statement.</summary>
    private async Task<bool> StreamAsync(ChdbConnection connection, ReadOnlyMemory<byte> query, string format, int headerLines)
    {
        using var stream = connection.Stream(query.Span, format, request.Parameters);
        if (stream.Error is { } refused)
        {
            // The refusal comes before execution, so running the statement in one call does it once.
            return refused.Contains("Streaming query is not supported", StringComparison.Ordinal)
                ? false
                : throw new ChdbException(ChdbError.Parse(refused));
        }

        var held = new List<ChdbResult>();
        try
        {
            // Small results are answered whole, so that an error still gets its status and the summary its place in the head.
            long heldBytes = 0;
            var statistics = default(ChdbStatistics);
            while (heldBytes < HeldBytes && Checked(stream.Next()) is { } block)
            {
                held.Add(block);
                heldBytes += block.Length;
                statistics = statistics.Add(block.Statistics);
            }

            if (heldBytes < HeldBytes)
            {
                await WriteWholeAsync(held, format, headerLines, statistics);
                return true;
            }

            Begin(format);
            await using var output = Output();
            await CopyAllAsync(output, held, headerLines);
            await CopyRestAsync(output, stream, headerLines);
            return true;
        }
        finally
        {
            held.ForEach(block => block.Dispose());
        }
    }

    private async Task CopyRestAsync(Stream output, ChdbQueryStream stream, int headerLines)
    {
        while (stream.Next() is { } block)
        {
            using (block)
            {
                if (block.Error is { } late)
                {
                    // The status line has gone: ClickHouse's way is to say it at the end of the body.
                    await output.WriteAsync(Encoding.UTF8.GetBytes($"\r\n__exception__\r\n{late}\r\n__exception__\r\n"), _token);
                    return;
                }

                await CopyAsync(output, block, headerLines);
            }
        }
    }

    private static ChdbResult? Checked(ChdbResult? block)
    {
        if (block?.Error is { } error)
        {
            block.Dispose();
            throw new ChdbException(ChdbError.Parse(error));
        }

        return block;
    }

    private void Begin(string format)
    {
        _response.ContentType = ChdbFormats.ContentType(format);
        _response.Headers["X-ClickHouse-Format"] = format;
        if (request.CompressResponse)
        {
            _response.Headers.ContentEncoding = "gzip";
        }
    }

    private Stream Output() => request.CompressResponse
        ? new GZipStream(_response.Body, CompressionLevel.Fastest, leaveOpen: true)
        : _response.Body;

    private async Task WriteWholeAsync(List<ChdbResult> blocks, string format, int headerLines, ChdbStatistics statistics)
    {
        WriteSummary(_response, statistics);
        if (blocks.All(block => block.Length == 0))
        {
            _response.ContentType = ChdbFormats.ContentType(format);
            _response.ContentLength = 0;
            return;
        }

        Begin(format);
        if (!request.CompressResponse)
        {
            _response.ContentLength = blocks[0].Length + blocks.Skip(1).Sum(block => block.Length - ChdbFormats.SkipLines(block.Bytes, headerLines));
        }

        await using var output = Output();
        await CopyAllAsync(output, blocks, headerLines);
    }

    private async Task CopyAllAsync(Stream output, List<ChdbResult> blocks, int headerLines)
    {
        for (var i = 0; i < blocks.Count; i++)
        {
            await CopyAsync(output, blocks[i], i == 0 ? 0 : headerLines);
        }
    }

    private async Task CopyAsync(Stream output, ChdbResult block, int headerLines)
    {
        long at = headerLines == 0 ? 0 : ChdbFormats.SkipLines(block.Bytes, headerLines);
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (at < block.Length)
            {
                var length = (int)Math.Min(piece.Length, block.Length - at);
                block.Slice(at, length).CopyTo(piece);
                await output.WriteAsync(piece.AsMemory(0, length), _token);
                at += length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
