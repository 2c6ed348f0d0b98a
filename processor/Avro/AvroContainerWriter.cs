using System.Security.Cryptography;
using System.Text;

namespace Stockflow.Avro;

/// <summary>
/// Writes an Avro object container file. Records are collected into blocks; a file that was not disposed ends at a
/// whole block and is readable up to there. Not thread-safe; the stream stays the caller's.
/// </summary>
public sealed class AvroContainerWriter : IAsyncDisposable
{
    private readonly Stream _stream;
    private readonly AvroContainerOptions _options;
    private readonly byte[] _sync;
    private readonly AvroEncoder _frame = new();
    private int _records;
    private int _recordEnd;

    private AvroContainerWriter(Stream stream, AvroSchema schema, AvroContainerOptions options)
    {
        _stream = stream;
        _options = options;
        Schema = schema;
        _sync = options.SyncMarker ?? RandomNumberGenerator.GetBytes(16);
        if (_sync.Length != 16)
        {
            throw new AvroException($"A sync marker has 16 bytes, not {_sync.Length}.");
        }
    }

    /// <summary>The schema of the records.</summary>
    public AvroSchema Schema { get; }

    /// <summary>Takes one record's bytes by hand; <see cref="EndRecordAsync"/> completes it.</summary>
    public AvroEncoder Body { get; } = new(64 * 1024);

    /// <summary>Writes the header.</summary>
    /// <exception cref="AvroException">The codec is not supported or the sync marker not 16 bytes.</exception>
    public static async Task<AvroContainerWriter> CreateAsync(Stream stream, AvroSchema schema, AvroContainerOptions? options = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(schema);
        var writer = new AvroContainerWriter(stream, schema, options ?? AvroContainerOptions.Default);
        AvroCodec.Check(writer._options.Codec);
        await writer.WriteHeaderAsync(token);
        return writer;
    }

    /// <summary>Adds a record of the generic model. A record that does not fit leaves the file as it was.</summary>
    /// <exception cref="AvroDataException">The value does not fit the schema.</exception>
    public ValueTask AppendAsync(object? record, CancellationToken token = default)
    {
        try
        {
            GenericWriter.Write(Body, Schema, record);
        }
        catch (AvroDataException)
        {
            Body.Truncate(_recordEnd);
            throw;
        }

        return EndRecordAsync(token);
    }

    /// <summary>Counts what was written to <see cref="Body"/> as one record, and writes the block when it is full.</summary>
    public ValueTask EndRecordAsync(CancellationToken token = default)
    {
        _records++;
        _recordEnd = Body.Length;
        return _recordEnd >= _options.BlockBytes || _records >= _options.MaxBlockRecords ? FlushAsync(token) : ValueTask.CompletedTask;
    }

    /// <summary>Writes the block begun, if it has records, and flushes the stream.</summary>
    public async ValueTask FlushAsync(CancellationToken token = default)
    {
        if (_records > 0)
        {
            var data = AvroCodec.Compress(_options.Codec, Body.WrittenMemory[.._recordEnd]);
            _frame.Clear();
            _frame.WriteLong(_records);
            _frame.WriteLong(data.Length);
            await _stream.WriteAsync(_frame.WrittenMemory, token);
            await _stream.WriteAsync(data, token);
            await _stream.WriteAsync(_sync, token);
            Body.Clear();
            (_records, _recordEnd) = (0, 0);
        }

        await _stream.FlushAsync(token);
    }

    /// <summary>Writes the last block.</summary>
    public ValueTask DisposeAsync() => FlushAsync();

    private async Task WriteHeaderAsync(CancellationToken token)
    {
        _frame.WriteFixed(AvroContainerReader.Magic);
        _frame.WriteBlockStart(2 + _options.Metadata.Count);
        _frame.WriteString("avro.schema");
        _frame.WriteBytes(Encoding.UTF8.GetBytes(Schema.ToJson()));
        _frame.WriteString("avro.codec");
        _frame.WriteBytes(Encoding.UTF8.GetBytes(_options.Codec));
        foreach (var (key, value) in _options.Metadata)
        {
            _frame.WriteString(key);
            _frame.WriteBytes(value);
        }

        _frame.WriteBlockEnd();
        _frame.WriteFixed(_sync);
        await _stream.WriteAsync(_frame.WrittenMemory, token);
    }
}
