using System.Runtime.CompilerServices;
using System.Text;

namespace Stockflow.Avro;

/// <summary>
/// Reads an Avro object container file block by block from any stream; holds one block in memory. The position of
/// each block can be kept and returned to, so that an import can resume. Not thread-safe; the stream stays the caller's.
/// </summary>
public sealed class AvroContainerReader
{
    internal static readonly byte[] Magic = [(byte)'O', (byte)'b', (byte)'j', 1];
    private readonly AvroContainerOptions _options;
    private readonly ContainerInput _input;
    private byte[] _sync = [];

    private AvroContainerReader(Stream stream, AvroContainerOptions options)
    {
        _options = options;
        _input = new ContainerInput(stream);
    }

    /// <summary>The schema that the records were written with.</summary>
    public AvroSchema Schema { get; private set; } = null!;

    /// <summary>How the blocks are compressed.</summary>
    public string Codec { get; private set; } = AvroCodec.Null;

    /// <summary>All metadata of the header.</summary>
    public IReadOnlyDictionary<string, byte[]> Metadata { get; private set; } = new Dictionary<string, byte[]>();

    /// <summary>Byte position of the current block, from where the stream stood when it was opened.</summary>
    public long BlockStart { get; private set; }

    /// <summary>Byte position behind the current block: where reading goes on.</summary>
    public long NextBlock => _input.Position;

    /// <summary>Records in the current block.</summary>
    public int RecordCount { get; private set; }

    /// <summary>The current block's records, decompressed; valid until the next block is read.</summary>
    public ReadOnlyMemory<byte> BlockData { get; private set; }

    /// <summary>Reads the header.</summary>
    /// <exception cref="AvroException">The stream is no container file, or its codec or schema is not usable.</exception>
    public static async Task<AvroContainerReader> OpenAsync(Stream stream, AvroContainerOptions? options = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var reader = new AvroContainerReader(stream, options ?? AvroContainerOptions.Default);
        await reader.ReadHeaderAsync(token);
        return reader;
    }

    /// <summary>Reads and checks the next block; false at the end of the file.</summary>
    /// <exception cref="AvroException">The block is corrupt or too large; the message gives its position.</exception>
    public async ValueTask<bool> ReadBlockAsync(CancellationToken token = default)
    {
        BlockStart = _input.Position;
        if (await _input.AtEndAsync(token))
        {
            (RecordCount, BlockData) = (0, default);
            return false;
        }

        var count = await _input.ReadLongAsync(token);
        var size = await _input.ReadLongAsync(token);
        if (count < 0 || count > _options.MaxBlockRecords || size < 0 || size > _options.MaxBlockBytes)
        {
            throw ContainerInput.Error(BlockStart, $"a block of {count} records and {size} bytes is negative or beyond the limits of {_options.MaxBlockRecords} records and {_options.MaxBlockBytes} bytes");
        }

        var stored = await _input.ReadBytesAsync((int)size, token);
        var sync = await _input.ReadBytesAsync(_sync.Length, token);
        if (!sync.AsSpan().SequenceEqual(_sync))
        {
            throw ContainerInput.Error(BlockStart, "the block does not end with the file's sync marker");
        }

        try
        {
            BlockData = AvroCodec.Decompress(Codec, stored, _options.MaxBlockBytes);
        }
        catch (AvroException error)
        {
            throw new AvroException($"Avro container file, block at byte {BlockStart}: {error.Message}", error);
        }

        RecordCount = (int)count;
        return true;
    }

    /// <summary>Makes the next <see cref="ReadBlockAsync"/> start at a block's position that this file gave before.</summary>
    /// <exception cref="AvroException">The stream can not seek.</exception>
    public void SeekToBlock(long position) => _input.Seek(position);

    /// <summary>All records from the next block on as plain objects (see <see cref="GenericReader"/>).</summary>
    /// <param name="reader">The wanted schema; null for the file's own.</param>
    /// <param name="token">Stops reading.</param>
    /// <exception cref="AvroException">A block or record is corrupt.</exception>
    public async IAsyncEnumerable<object?> ReadAllAsync(AvroSchema? reader = null, [EnumeratorCancellation] CancellationToken token = default)
    {
        var resolution = AvroResolution.Compile(Schema, reader ?? Schema);
        while (await ReadBlockAsync(token))
        {
            var position = 0;
            for (var i = 0; i < RecordCount; i++)
            {
                yield return ReadRecord(resolution, i, ref position);
            }

            if (position != BlockData.Length)
            {
                throw ContainerInput.Error(BlockStart, "bytes are left after the block's last record");
            }
        }
    }

    private object? ReadRecord(AvroResolution resolution, int index, ref int position)
    {
        try
        {
            return GenericReader.Read(resolution, BlockData.Span, ref position, _options.Limits);
        }
        catch (AvroDataException error)
        {
            throw new AvroDataException(error.Code, error.Position, $"Avro container file, block at byte {BlockStart}, record {index}: {error.Message}");
        }
    }

    private async Task ReadHeaderAsync(CancellationToken token)
    {
        if (await _input.AtEndAsync(token) || !(await _input.ReadBytesAsync(Magic.Length, token)).AsSpan().SequenceEqual(Magic))
        {
            throw ContainerInput.Error(0, "this is no Avro container file: it does not start with 'Obj' and 1");
        }

        var metadata = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        for (var count = await _input.ReadLongAsync(token); count != 0; count = await _input.ReadLongAsync(token))
        {
            if (count < 0)
            {
                await _input.ReadLongAsync(token);
            }

            for (var i = 0; i < Math.Abs(Math.Max(count, -long.MaxValue)); i++)
            {
                if (metadata.Count > 1000)
                {
                    throw ContainerInput.Error(_input.Position, "the header has more than 1000 metadata entries");
                }

                var key = Encoding.UTF8.GetString(await ReadMetadataAsync(token));
                metadata[key] = await ReadMetadataAsync(token);
            }
        }

        _sync = await _input.ReadBytesAsync(16, token);
        Metadata = metadata;
        Codec = metadata.TryGetValue("avro.codec", out var codec) ? Encoding.UTF8.GetString(codec) : AvroCodec.Null;
        AvroCodec.Check(Codec);
        Schema = AvroSchema.Parse(Encoding.UTF8.GetString(
            metadata.GetValueOrDefault("avro.schema") ?? throw ContainerInput.Error(0, "the header has no 'avro.schema'")));
        BlockStart = _input.Position;
    }

    private async Task<byte[]> ReadMetadataAsync(CancellationToken token)
    {
        var at = _input.Position;
        var size = await _input.ReadLongAsync(token);
        return size >= 0 && size <= _options.MaxMetadataBytes
            ? await _input.ReadBytesAsync((int)size, token)
            : throw ContainerInput.Error(at, $"a metadata entry of {size} bytes is negative or beyond {_options.MaxMetadataBytes}");
    }
}
