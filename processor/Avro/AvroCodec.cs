using System.Buffers;
using System.IO.Compression;

namespace Stockflow.Avro;

/// <summary>Block compression of container files, by the specification's "Required Codecs" and "Optional Codecs".</summary>
public static class AvroCodec
{
    /// <summary>No compression.</summary>
    public const string Null = "null";

    /// <summary>Raw deflate (RFC 1951).</summary>
    public const string Deflate = "deflate";

    /// <summary>Zstandard, by the system's libzstd.</summary>
    public const string Zstandard = "zstandard";

    /// <summary>Refuses a codec that this library does not have.</summary>
    /// <exception cref="AvroException">The codec is not supported; the message names it and those that are.</exception>
    public static void Check(string codec)
    {
        if (codec is not (Null or Deflate or Zstandard))
        {
            throw new AvroException($"Avro codec '{codec}' is not supported; use {Null}, {Deflate} or {Zstandard}.");
        }
    }

    /// <summary>Compresses a block.</summary>
    public static ReadOnlyMemory<byte> Compress(string codec, ReadOnlyMemory<byte> data)
    {
        Check(codec);
        if (codec == Null)
        {
            return data;
        }

        if (codec == Zstandard)
        {
            return Zstd.Compress(data.Span);
        }

        var output = new MemoryStream();
        using (var deflate = new DeflateStream(output, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(data.Span);
        }

        return output.GetBuffer().AsMemory(0, (int)output.Length);
    }

    /// <summary>Decompresses a block.</summary>
    /// <exception cref="AvroException">The block is corrupt or larger than <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Decompress(string codec, ReadOnlyMemory<byte> data, int maxBytes)
    {
        Check(codec);
        if (codec == Null)
        {
            return data;
        }

        var output = new ArrayBufferWriter<byte>(Math.Min(maxBytes, Math.Max(4096, data.Length * 3L) is var guess and < int.MaxValue ? (int)guess : maxBytes));
        if (codec == Zstandard)
        {
            Zstd.Decompress(data.Span, output, maxBytes);
        }
        else
        {
            Inflate(data, output, maxBytes);
        }

        return output.WrittenMemory;
    }

    internal static AvroException TooLarge(int maxBytes) => new($"Avro block is larger than {maxBytes} bytes when decompressed.");

    private static void Inflate(ReadOnlyMemory<byte> data, ArrayBufferWriter<byte> output, int maxBytes)
    {
        using var deflate = new DeflateStream(new MemoryStream(data.ToArray(), writable: false), CompressionMode.Decompress);
        try
        {
            int read;
            while ((read = deflate.Read(output.GetSpan(4096))) > 0)
            {
                output.Advance(read);
                if (output.WrittenCount > maxBytes)
                {
                    throw TooLarge(maxBytes);
                }
            }
        }
        catch (InvalidDataException error)
        {
            throw new AvroException("Avro block is no valid deflate data.", error);
        }
    }
}
