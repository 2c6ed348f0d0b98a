using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>Settings of decoding and validation.</summary>
public sealed record DecodeOptions
{
    /// <summary>Largest value of a record, bytes; a larger one is a dead letter.</summary>
    public int MaximumValueBytes { get; init; } = 1024 * 1024;

    /// <summary>Largest quantity of one movement, units.</summary>
    public long MaximumQuantity { get; init; } = 1_000_000;

    /// <summary>How far ahead of this machine's clock an event may be, seconds.</summary>
    public int FutureSeconds { get; init; } = 600;

    /// <summary>Whether SKUs and locations must stand in the reference topics.</summary>
    public bool RequireKnownIds { get; init; } = true;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(MaximumValueBytes is < 1024 or > 64 * 1024 * 1024, "decode.maximumValueBytes must be from 1024 to 67108864");
        SetupException.ThrowIf(MaximumQuantity is < 1 or > 1_000_000_000, "decode.maximumQuantity must be from 1 to 1000000000");
        SetupException.ThrowIf(FutureSeconds is < 0 or > 366 * 86400, "decode.futureSeconds must be from 0 to 31622400");
    }
}
