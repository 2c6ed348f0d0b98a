namespace Stockflow.Embedded;

/// <summary>A result in the engine's memory. <see cref="Bytes"/> is valid until it is disposed.</summary>
public sealed unsafe class ChdbResult : IDisposable
{
    private nint _handle;

    internal ChdbResult(nint handle)
    {
        _handle = handle;
        if (handle == 0)
        {
            Error = "Code: 1002. DB::Exception: the embedded engine gave no result. (UNKNOWN_EXCEPTION)";
            return;
        }

        Error = ChdbConnection.Text(ChdbNative.ResultError(handle));
        Statistics = new ChdbStatistics(
            ChdbNative.StorageRowsRead(handle), ChdbNative.StorageBytesRead(handle), ChdbNative.RowsWritten(handle),
            ChdbNative.BytesWritten(handle), ChdbNative.ResultRows(handle), ChdbNative.ResultElapsed(handle));
    }

    /// <summary>ClickHouse's error text, or null.</summary>
    public string? Error { get; }

    public ChdbStatistics Statistics { get; }

    public long Length => _handle == 0 || Error is not null ? 0 : (long)ChdbNative.ResultLength(_handle);

    /// <summary>The formatted result, for results below 2 GiB.</summary>
    public ReadOnlySpan<byte> Bytes => Slice(0, checked((int)Length));

    public ReadOnlySpan<byte> Slice(long start, int length) =>
        length == 0 ? default : new ReadOnlySpan<byte>(ChdbNative.ResultBuffer(_handle) + start, length);

    public void Dispose()
    {
        if (_handle != 0)
        {
            ChdbNative.DestroyResult(_handle);
            _handle = 0;
        }
    }
}

/// <summary>A SELECT in progress.</summary>
public sealed class ChdbQueryStream : IDisposable
{
    private readonly nint _connection;
    private nint _handle;
    private bool _ended;

    internal ChdbQueryStream(nint connection, nint handle)
    {
        _connection = connection;
        _handle = handle;
        unsafe
        {
            Error = handle == 0 ? "Code: 1002. DB::Exception: the embedded engine gave no stream. (UNKNOWN_EXCEPTION)"
                : ChdbConnection.Text(ChdbNative.ResultError(handle));
        }

        _ended = Error is not null;
    }

    /// <summary>Why the statement did not start, or null.</summary>
    public string? Error { get; }

    /// <summary>The next block; null at the end. A block with an error is the last.</summary>
    public ChdbResult? Next()
    {
        if (_ended)
        {
            return null;
        }

        var block = new ChdbResult(ChdbNative.StreamFetch(_connection, _handle));
        if (block.Error is not null)
        {
            _ended = true;
            return block;
        }

        if (block.Length == 0)
        {
            _ended = true;
            block.Dispose();
            return null;
        }

        return block;
    }

    public void Dispose()
    {
        if (_handle == 0)
        {
            return;
        }

        if (!_ended)
        {
            ChdbNative.StreamCancel(_connection, _handle);
        }

        ChdbNative.DestroyResult(_handle);
        _handle = 0;
    }
}

/// <summary>An INSERT in progress. Disposing one that was not finished cancels it; blocks that the engine has already written stay.</summary>
public sealed unsafe class ChdbInsert : IDisposable
{
    private nint _handle;
    private bool _ended;

    internal ChdbInsert(nint handle)
    {
        _handle = handle;
        Error = handle == 0 ? "Code: 1002. DB::Exception: the embedded engine gave no insert. (UNKNOWN_EXCEPTION)"
            : ChdbConnection.Text(ChdbNative.StreamInsertError(handle));
    }

    /// <summary>Why the insert failed, or null.</summary>
    public string? Error { get; private set; }

    /// <summary>Hands over a piece of the data, cut anywhere; blocks while the engine is behind. False after an error.</summary>
    public bool Append(ReadOnlySpan<byte> data)
    {
        if (Error is not null)
        {
            return false;
        }

        fixed (byte* bytes = data)
        {
            if (ChdbNative.StreamAppend(_handle, bytes, (nuint)data.Length) == 0)
            {
                return true;
            }
        }

        Error = ChdbConnection.Text(ChdbNative.StreamInsertError(_handle))
            ?? "Code: 1002. DB::Exception: the insert was broken off. (UNKNOWN_EXCEPTION)";
        return false;
    }

    /// <summary>Ends the data and waits until every part is in place.</summary>
    public ChdbStatistics Finish()
    {
        _ended = true;
        using var result = new ChdbResult(ChdbNative.StreamDone(_handle));
        Error = result.Error ?? Error;
        return result.Statistics;
    }

    public void Dispose()
    {
        if (_handle == 0)
        {
            return;
        }

        if (!_ended && Error is null)
        {
            ChdbNative.StreamCancelInsert(_handle);
        }

        ChdbNative.DestroyInsertStream(_handle);
        _handle = 0;
    }
}
