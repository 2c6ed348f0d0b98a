namespace Stockflow.Avro;

/// <summary>Buffered reading of a container file that knows its byte position.</summary>
internal sealed class ContainerInput
{
    private const int ChunkBytes = 64 * 1024;
    private readonly Stream _stream;
    private readonly long _origin;
    private readonly byte[] _buffer = new byte[ChunkBytes];
    private int _next;
    private int _end;
    private long _consumed;

    public ContainerInput(Stream stream)
    {
        _stream = stream;
        _origin = stream.CanSeek ? stream.Position : 0;
    }

    /// <summary>Bytes taken, from where the stream stood at first.</summary>
    public long Position => _consumed;

    public static AvroException Error(long position, string reason) => new($"Avro container file at byte {position}: {reason}.");

    public void Seek(long position)
    {
        if (!_stream.CanSeek)
        {
            throw new AvroException("Avro container file: this stream can not seek, so reading can not start at a block.");
        }

        _stream.Position = _origin + position;
        (_next, _end, _consumed) = (0, 0, position);
    }

    public async ValueTask<bool> AtEndAsync(CancellationToken token)
    {
        if (_next == _end)
        {
            (_next, _end) = (0, await _stream.ReadAsync(_buffer, token));
        }

        return _end == 0;
    }

    public async ValueTask<long> ReadLongAsync(CancellationToken token)
    {
        var start = _consumed;
        ulong rest = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (await AtEndAsync(token))
            {
                throw Error(_consumed, "the file ends within a block or its header");
            }

            var b = _buffer[_next++];
            _consumed++;
            rest |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80 && (shift < 63 || b <= 1))
            {
                return (long)(rest >> 1) ^ -(long)(rest & 1);
            }
        }

        throw Error(start, "an integer has too many bytes");
    }

    /// <summary>Reads exactly so many bytes; grows with what arrives, so that a stated size alone costs no memory.</summary>
    public async ValueTask<byte[]> ReadBytesAsync(int size, CancellationToken token)
    {
        var bytes = new byte[Math.Min(size, ChunkBytes)];
        for (var filled = 0; filled < size;)
        {
            if (await AtEndAsync(token))
            {
                throw Error(_consumed, $"the file ends {size - filled} bytes too early");
            }

            if (filled == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(size, bytes.Length * 2L));
            }

            var take = Math.Min(bytes.Length - filled, _end - _next);
            _buffer.AsSpan(_next, take).CopyTo(bytes.AsSpan(filled));
            filled += take;
            _next += take;
            _consumed += take;
        }

        return bytes;
    }
}
