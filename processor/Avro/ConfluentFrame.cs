using System.Buffers.Binary;

namespace Stockflow.Avro;

/// <summary>What the first bytes of a message say.</summary>
public enum ConfluentFrameStatus
{
    /// <summary>A schema id and a body were found.</summary>
    Ok,

    /// <summary>No bytes at all.</summary>
    Empty,

    /// <summary>Fewer than the five bytes of the frame.</summary>
    TooShort,

    /// <summary>Magic byte 1: the schema is named by a GUID, which is not supported.</summary>
    GuidFrame,

    /// <summary>Another first byte: not this wire format.</summary>
    UnknownMagic,

    /// <summary>An id of 0 or below, which no registry gives.</summary>
    BadSchemaId,
}

/// <summary>Confluent's wire format: byte 0, the schema id as 4 big-endian bytes, the Avro body.</summary>
public static class ConfluentFrame
{
    /// <summary>Bytes before the body.</summary>
    public const int Size = 5;

    /// <summary>Splits a message. Allocates nothing and throws nothing.</summary>
    public static ConfluentFrameStatus TryParse(ReadOnlySpan<byte> message, out int schemaId, out ReadOnlySpan<byte> body)
    {
        schemaId = 0;
        body = default;
        if (message.Length < Size || message[0] != 0)
        {
            return message.Length == 0 ? ConfluentFrameStatus.Empty
                : message[0] == 1 ? ConfluentFrameStatus.GuidFrame
                : message[0] != 0 ? ConfluentFrameStatus.UnknownMagic
                : ConfluentFrameStatus.TooShort;
        }

        schemaId = BinaryPrimitives.ReadInt32BigEndian(message[1..]);
        body = message[Size..];
        return schemaId > 0 ? ConfluentFrameStatus.Ok : ConfluentFrameStatus.BadSchemaId;
    }

    /// <summary>Writes the five bytes before a body.</summary>
    public static void Write(Span<byte> target, int schemaId)
    {
        target[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(target[1..], schemaId);
    }

    /// <summary>Writes the five bytes before a body.</summary>
    public static void Write(AvroEncoder encoder, int schemaId)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        Span<byte> frame = stackalloc byte[Size];
        Write(frame, schemaId);
        encoder.WriteFixed(frame);
    }

    /// <summary>One sentence for a person.</summary>
    public static string Describe(ConfluentFrameStatus status) => status switch
    {
        ConfluentFrameStatus.Ok => "the message has a schema id",
        ConfluentFrameStatus.Empty => "the message is empty",
        ConfluentFrameStatus.TooShort => "the message ends within the 5 bytes of magic byte and schema id",
        ConfluentFrameStatus.GuidFrame => "the message names its schema by GUID (magic byte 1), which is not supported: produce with 4-byte schema ids",
        ConfluentFrameStatus.BadSchemaId => "the schema id is not positive",
        _ => "the first byte is neither 0 nor 1, so this is not Confluent's wire format",
    };
}
