using System.Buffers.Binary;

namespace Stockflow.Source.Import;

/// <summary>
/// Tells a gzip file that ends early, which <see cref="System.IO.Compression.GZipStream"/> takes for a whole one. The last eight bytes
/// of a gzip file are the CRC-32 and the size, modulo 2^32, of its last member (RFC 1952, 2.3.1). Where the size is that of all the
/// content, the file has one member and the stream has checked it. Else the CRC of the content's last bytes decides, for which the
/// content's whole size must be known from an earlier pass.
/// </summary>
internal sealed class GzipTrailer
{
    private static readonly uint[] Table = BuildTable();
    private readonly uint wantedCrc, wantedSize;
    private readonly long crcFrom;
    private uint crc = uint.MaxValue;

    /// <param name="trailer">The file's last eight bytes.</param>
    /// <param name="contentBytes">Size of the whole content, or -1 where it is not known yet.</param>
    public GzipTrailer(ReadOnlySpan<byte> trailer, long contentBytes)
    {
        wantedCrc = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        wantedSize = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        crcFrom = contentBytes < 0 || (uint)contentBytes == wantedSize ? long.MaxValue : contentBytes - wantedSize;
        IsKnown = contentBytes >= 0;
    }

    /// <summary>Bytes of content so far.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>Whether <see cref="IsWhole"/> can be told.</summary>
    public bool IsKnown { get; }

    /// <summary>At the end of the content: whether the last member is there to its end.</summary>
    public bool IsWhole => (uint)ContentBytes == wantedSize || (crcFrom is >= 0 and < long.MaxValue && ~crc == wantedCrc);

    public void Add(ReadOnlySpan<byte> content)
    {
        var before = ContentBytes;
        ContentBytes += content.Length;
        if (ContentBytes <= crcFrom)
        {
            return;
        }

        foreach (var value in content[(int)Math.Max(0, crcFrom - before)..])
        {
            crc = Table[(byte)(crc ^ value)] ^ (crc >> 8);
        }
    }

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value >> 1) ^ ((value & 1) * 0xEDB88320);
            }

            table[i] = value;
        }

        return table;
    }
}
