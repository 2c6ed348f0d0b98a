using System.Buffers;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Stockflow.Embedded;

/// <summary>The query from the URL followed by the decompressed body: its beginning is held, the rest is read in pieces.</summary>
internal sealed class ChdbBody : IAsyncDisposable
{
    private const int PieceBytes = 512 << 10;
    private readonly Stream _body;
    private readonly long _limit;
    private byte[] _head;
    private int _headLength;
    private byte[] _piece = [];
    private int _pieceLength;
    private long _total;

    private ChdbBody(Stream body, string query, long limit)
    {
        _body = body;
        _limit = limit;
        // ClickHouse joins the two by a line end.
        var text = query.Length == 0 ? "" : query + "\n";
        QueryLength = Encoding.UTF8.GetByteCount(text);
        _head = ArrayPool<byte>.Shared.Rent(Math.Max(QueryLength * 2, 128 << 10));
        _headLength = Encoding.UTF8.GetBytes(text, _head);
    }

    /// <summary>Bytes of <see cref="Head"/> that came from the URL.</summary>
    public int QueryLength { get; }

    public bool Ended { get; private set; }

    public ReadOnlyMemory<byte> Head => _head.AsMemory(0, _headLength);

    /// <summary>The piece that <see cref="NextAsync"/> has read.</summary>
    public ReadOnlyMemory<byte> Data => _piece.AsMemory(0, _pieceLength);

    public static ChdbBody Open(HttpRequest http, string query, ChdbServerOptions options)
    {
        if (http.HasFormContentType && http.ContentType!.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
        {
            throw ChdbException.Of(ChdbError.NotImplemented, "NOT_IMPLEMENTED", "The embedded ClickHouse has no external data (multipart/form-data)");
        }

        Stream body = http.Headers.ContentEncoding.ToString().ToUpperInvariant() switch
        {
            "" or "IDENTITY" => http.Body,
            "GZIP" => new GZipStream(http.Body, CompressionMode.Decompress, leaveOpen: true),
            var other => throw ChdbException.Of(ChdbError.NotImplemented, "NOT_IMPLEMENTED", $"The embedded ClickHouse has no Content-Encoding '{other.ToLowerInvariant()}', only gzip"),
        };
        return new ChdbBody(body, query, options.MaxBodyBytes);
    }

    /// <summary>Reads until <see cref="Head"/> has <paramref name="bytes"/> bytes or the body ends.</summary>
    public async ValueTask FillAsync(int bytes, CancellationToken token)
    {
        while (!Ended && _headLength < bytes)
        {
            if (_headLength == _head.Length)
            {
                var grown = ArrayPool<byte>.Shared.Rent(_head.Length * 2);
                Head.Span.CopyTo(grown);
                ArrayPool<byte>.Shared.Return(_head);
                _head = grown;
            }

            _headLength += await ReadAsync(_head.AsMemory(_headLength), token);
        }
    }

    /// <summary>Reads the next piece; false at the end.</summary>
    public async ValueTask<bool> NextAsync(CancellationToken token)
    {
        if (_piece.Length == 0)
        {
            _piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        }

        _pieceLength = 0;
        while (!Ended && _pieceLength < _piece.Length)
        {
            _pieceLength += await ReadAsync(_piece.AsMemory(_pieceLength), token);
        }

        return _pieceLength > 0;
    }

    public async ValueTask DisposeAsync()
    {
        ArrayPool<byte>.Shared.Return(_head);
        if (_piece.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_piece);
        }

        if (_body is GZipStream)
        {
            await _body.DisposeAsync();
        }
    }

    private async ValueTask<int> ReadAsync(Memory<byte> into, CancellationToken token)
    {
        var read = await _body.ReadAsync(into, token);
        Ended = read == 0;
        _total += read;
        return _total <= _limit
            ? read
            : throw ChdbException.Of(ChdbError.TooLarge, "TOO_LARGE_BODY", $"the request's body is larger than {_limit} bytes");
    }
}
