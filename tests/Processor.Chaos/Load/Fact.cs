namespace Stockflow.Chaos.Load;

/// <summary>Kinds of movements, in the order of the Avro enum.</summary>
internal enum Kind
{
    UNKNOWN,
    SALE,
    RETURN,
    RECEIPT,
    TRANSFER_OUT,
    TRANSFER_IN,
    ADJUSTMENT,
    CYCLE_COUNT,
    RTV,
    DAMAGE,
    RESERVE,
    RELEASE,
    SHIP,
    CORRECTION,
}

/// <summary>One message and what it says. A duplicate is the same fact, sent again.</summary>
internal sealed record Fact
{
    public required string EventId { get; init; }

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public required long EventTs { get; init; }

    public required string Sku { get; init; }

    public required string Location { get; init; }

    public required Kind Kind { get; init; }

    /// <summary>Signed units.</summary>
    public required long Quantity { get; init; }

    public long? Counted { get; init; }

    public string? Counterpart { get; init; }

    /// <summary>The event that a correction names.</summary>
    public string? Corrects { get; init; }

    /// <summary>False for services: no position changes.</summary>
    public required bool IsStocked { get; init; }

    /// <summary>The reason code of the dead letter that it must become; null for a valid one.</summary>
    public string? Reject { get; init; }

    public byte[]? Key { get; init; }

    public byte[]? Value { get; init; }

    /// <summary>Value of a header that must stay with the message, or null for a message without headers.</summary>
    public string? Trace { get; init; }

    /// <summary>The partition that it is sent to against the rule of its key, or null.</summary>
    public int? WrongPartition { get; init; }
}
