using System.Buffers.Binary;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// Fingerprints of one batch as one list element: 8 bytes base offset, then per event 16 bytes fingerprint and 4 bytes offset above the base,
/// little-endian: 20 bytes an event.
/// </summary>
public static class SeenCodec
{
    private const int Header = 8, Entry = 20;

    /// <summary>Bytes of so many entries; none for none.</summary>
    public static int PackedSize(int entries) => entries == 0 ? 0 : Header + (entries * Entry);

    public static byte[] Pack(List<SeenEntry> entries)
    {
        var packed = new byte[PackedSize(entries.Count)];
        Pack(entries, packed);
        return packed;
    }

    public static void Pack(List<SeenEntry> entries, Span<byte> packed)
    {
        if (entries.Count == 0)
        {
            return;
        }

        var start = entries[0].Offset;
        BinaryPrimitives.WriteInt64LittleEndian(packed, start);
        var at = Header;
        foreach (var entry in entries)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(packed[at..], entry.Fingerprint);
            BinaryPrimitives.WriteUInt32LittleEndian(packed[(at + 16)..], checked((uint)(entry.Offset - start)));
            at += Entry;
        }
    }

    /// <exception cref="FormatException">The element is not a whole number of entries.</exception>
    public static void Unpack(ReadOnlySpan<byte> packed, List<SeenEntry> target)
    {
        if (packed.Length < Header || (packed.Length - Header) % Entry != 0)
        {
            throw new FormatException($"A stored block of {packed.Length} bytes is not a list of fingerprints: another version of the processor wrote it.");
        }

        var start = BinaryPrimitives.ReadInt64LittleEndian(packed);
        for (var at = Header; at < packed.Length; at += Entry)
        {
            target.Add(new SeenEntry(
                BinaryPrimitives.ReadUInt128LittleEndian(packed[at..]),
                start + BinaryPrimitives.ReadUInt32LittleEndian(packed[(at + 16)..])));
        }
    }
}
