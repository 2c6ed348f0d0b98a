using System.Buffers.Binary;
using System.Text;

namespace Stockflow.Chaos.Load;

/// <summary>Avro binary encoding (Avro specification 1.11, "Binary Encoding") behind Confluent's frame: 0x00 and a 4-byte big-endian schema id.</summary>
internal sealed class AvroWriter
{
    private readonly List<byte> bytes = [];

    public AvroWriter Frame(int schemaId)
    {
        Span<byte> frame = stackalloc byte[5];
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], schemaId);
        bytes.AddRange(frame);
        return this;
    }

    public AvroWriter Long(long value)
    {
        var rest = (ulong)((value << 1) ^ (value >> 63));
        for (; rest > 0x7f; rest >>= 7)
        {
            bytes.Add((byte)(rest | 0x80));
        }

        bytes.Add((byte)rest);
        return this;
    }

    public AvroWriter Boolean(bool value)
    {
        bytes.Add(value ? (byte)1 : (byte)0);
        return this;
    }

    public AvroWriter Text(string value)
    {
        var text = Encoding.UTF8.GetBytes(value);
        Long(text.Length);
        bytes.AddRange(text);
        return this;
    }

    /// <summary>A union of null and string.</summary>
    public AvroWriter OptionalText(string? value) => value is null ? Long(0) : Long(1).Text(value);

    /// <summary>A union of null and long.</summary>
    public AvroWriter OptionalLong(long? value) => value is { } number ? Long(1).Long(number) : Long(0);

    /// <summary>A union of null and a decimal of scale 4, given in ten-thousandths.</summary>
    public AvroWriter OptionalDecimal(long? value)
    {
        if (value is not { } number)
        {
            return Long(0);
        }

        Span<byte> digits = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(digits, number);
        Long(1).Long(8);
        bytes.AddRange(digits);
        return this;
    }

    /// <summary>A map of strings, in one block.</summary>
    public AvroWriter Map(IReadOnlyCollection<(string Name, string Value)> entries)
    {
        if (entries.Count > 0)
        {
            Long(entries.Count);
            foreach (var (name, value) in entries)
            {
                Text(name).Text(value);
            }
        }

        return Long(0);
    }

    public byte[] ToArray() => bytes.ToArray();
}
