namespace Stockflow.Model;

/// <summary>What a movement of a command may not do; the store checks it in the script that changes the number.</summary>
public enum StockCheck
{
    /// <summary>A fact that somebody else decided, such as an order's shipment from the stream.</summary>
    None,

    /// <summary>May not lower on-hand below zero.</summary>
    OnHand,

    /// <summary>May not lower on-hand or available below zero; available is net of reservations and of the safety buffer.</summary>
    Available,
}

/// <summary>
/// One movement that a command makes. It counts at once and goes through the outbox to Kafka and so to the ledger. Quantities in units,
/// money in ten-thousandths of the currency unit, times in milliseconds since 1970-01-01 UTC.
/// </summary>
/// <param name="EventId">Its event_id; a function of the command, so that sending it twice is one fact.</param>
/// <param name="SkuId">SKU.</param>
/// <param name="LocationId">Location.</param>
/// <param name="Type">Any but a count and a correction, whose effect the ledger has to settle.</param>
/// <param name="Quantity">qty_delta, signed as the type wants it.</param>
/// <param name="ReferenceId">The document behind it.</param>
/// <param name="EventTs">Event time.</param>
public sealed record StockMove(string EventId, string SkuId, string LocationId, MovementType Type, long Quantity, string ReferenceId, long EventTs)
{
    public const string SourceSystem = "STOCKFLOW";

    public StockCheck Check { get; init; } = StockCheck.Available;

    public string? CounterpartId { get; init; }

    public string? Reason { get; init; }

    public string? PerformedBy { get; init; }

    public string? CustomerRef { get; init; }

    public string? Currency { get; init; }

    public long? UnitPrice { get; init; }

    public long? UnitCost { get; init; }

    public IReadOnlyDictionary<string, string>? Attributes { get; init; }
}

/// <summary>Units held for somebody: <paramref name="Quantity"/> replaces what the hold had, 0 ends it. It lapses by itself at <paramref name="ExpiresTs"/>; 0 is never.</summary>
public sealed record StockHold(string Id, string SkuId, string LocationId, long Quantity, long ExpiresTs);

/// <summary>Units that are kept from being promised at a position; replaces the former number.</summary>
public sealed record SafetyBuffer(string SkuId, string LocationId, long Units);

/// <summary>Units that a document promises (above zero) or demands (below zero) at a time; 0 removes what the document said before.</summary>
public sealed record DatedQuantity(string SkuId, string LocationId, string Source, long Quantity, long DueTs);

/// <summary>A document, such as a reservation or a transfer, as it is stored. <paramref name="Revision"/> counts its changes from 1.</summary>
public sealed record StockDocument(string Kind, string Id, long Revision, byte[] Body);

/// <summary>Writes a document if it still has the revision that the change was planned from.</summary>
/// <param name="Kind">Such as <c>reservation</c>.</param>
/// <param name="Id">Its id.</param>
/// <param name="Revision">The revision that it must have; 0: it must not exist.</param>
/// <param name="Body">What it becomes; null deletes it.</param>
public sealed record DocumentWrite(string Kind, string Id, long Revision, byte[]? Body)
{
    /// <summary>When a sweep has to look at it; 0 for never.</summary>
    public long DueTs { get; init; }

    /// <summary>Lists of its kind that it joins, and that it leaves.</summary>
    public IReadOnlyList<string> Enters { get; init; } = [];

    public IReadOnlyList<string> Leaves { get; init; } = [];
}

/// <summary>An answer that was given under an idempotency key.</summary>
public sealed record StoredAnswer(string RequestHash, byte[] Body);

/// <summary>All that one command changes, in one atomic step: all of it or nothing.</summary>
public sealed record StockTransaction
{
    /// <summary>Idempotency key with its caller; null for a command of the program itself, which its documents' revisions keep from running twice.</summary>
    public string? Key { get; init; }

    public string RequestHash { get; init; } = "";

    /// <summary>Kept under <see cref="Key"/> for a repetition.</summary>
    public byte[] Answer { get; init; } = [];

    public IReadOnlyList<DocumentWrite> Documents { get; init; } = [];

    public IReadOnlyList<StockMove> Moves { get; init; } = [];

    public IReadOnlyList<StockHold> Holds { get; init; } = [];

    public IReadOnlyList<SafetyBuffer> Buffers { get; init; } = [];

    public IReadOnlyList<DatedQuantity> Dated { get; init; } = [];

    /// <summary>By the store's clock it must be earlier than this, and not earlier than that; 0 for no matter when.</summary>
    public long BeforeTs { get; init; }

    public long FromTs { get; init; }
}

public enum StockVerdict
{
    Applied,

    /// <summary>The key was used with the same request; <see cref="StockOutcome.Answer"/> is what was answered.</summary>
    Repeated,

    /// <summary>The key was used with another request.</summary>
    KeyReused,

    /// <summary>A document changed since the plan was made: plan again.</summary>
    Conflict,

    /// <summary>A number would fall below zero; <see cref="StockOutcome.Shortages"/> tells which.</summary>
    Insufficient,

    /// <summary>Too early or too late.</summary>
    WrongTime,

    /// <summary>A lane's positions went back in time (a rebuild, or a store that lost its tail) and have not caught up.</summary>
    Behind,
}

/// <summary>A position that has less than a command wants. Available may be below zero here.</summary>
public sealed record StockShortage(string SkuId, string LocationId, long OnHand, long Available);

/// <summary>What became of a transaction.</summary>
/// <param name="Verdict">What happened.</param>
/// <param name="NowTs">The store's clock.</param>
/// <param name="Durability">What holds of an applied one: <c>async</c>, <c>replica</c> or <c>fsync</c>.</param>
public sealed record StockOutcome(StockVerdict Verdict, long NowTs, string Durability)
{
    public byte[] Answer { get; init; } = [];

    public IReadOnlyList<StockShortage> Shortages { get; init; } = [];
}

/// <summary>
/// A position as it may be promised: the stream's facts and the commands that the stream has not brought yet.
/// </summary>
/// <param name="SkuId">SKU.</param>
/// <param name="LocationId">Location.</param>
/// <param name="State">On-hand and the rest, commands included.</param>
/// <param name="Held">Units of holds, those that lapsed included.</param>
/// <param name="Lapsed">Units of holds whose time is over and that no sweep has ended yet.</param>
/// <param name="SafetyBuffer">Units kept back.</param>
public sealed record AtpState(string SkuId, string LocationId, PositionState State, long Held, long Lapsed, long SafetyBuffer)
{
    /// <summary>Units reserved now. What is held counts even if movements of others lowered the position's figure.</summary>
    public long Reserved => Math.Max(0, Math.Max(State.Reserved, Held) - Lapsed);

    /// <summary>Before the buffer and below zero too: on-hand less unsellable less reserved.</summary>
    public long Unreserved => State.OnHand - State.Unsellable - Reserved;

    public long Available => Math.Max(0, Unreserved - SafetyBuffer);

    public long AvailableRaw => Math.Max(0, Unreserved);
}

/// <summary>What the store knew of the lane of a SKU when it was read.</summary>
/// <param name="AppliedTs">When the lane last committed; 0 if never.</param>
/// <param name="WatermarkTs">Its watermark; 0 while unknown.</param>
public readonly record struct AtpLane(long AppliedTs, long WatermarkTs);

/// <summary>One SKU at one location, or (empty location) at all that know it. A location that knows nothing of it is absent from the latter.</summary>
public sealed record AtpAnswer(AtpLane Lane, IReadOnlyList<AtpState> States, IReadOnlyList<DatedQuantity> Dated);

/// <summary>An entry of a lane's outbox: <paramref name="Id"/> is its place in it.</summary>
public readonly record struct OutboxEntry(string Id, StockMove Move);

/// <summary>
/// Stock as commands change it: documents, holds and movements in one atomic step, beside the positions that the lanes write. Failures of
/// the server are thrown as <see cref="StoreUnavailableException"/>; a command whose outcome is unknown may be repeated under its key.
/// </summary>
public interface IStockStore : IAsyncDisposable
{
    /// <summary>Fails with one clear line if the store can not keep what it is asked to keep.</summary>
    /// <exception cref="SetupException">The durability that the settings name is not to be had.</exception>
    Task CheckAsync(CancellationToken token);

    Task<StockOutcome> ExecuteAsync(StockTransaction transaction, CancellationToken token);

    /// <summary>Reads positions, each SKU's at one instant. An empty location asks for all.</summary>
    /// <param name="keys">What to read.</param>
    /// <param name="dated">Whether to read dated quantities too.</param>
    /// <param name="token">Ends the wait.</param>
    /// <returns>The store's clock in milliseconds, and an answer for each key.</returns>
    Task<(long NowTs, AtpAnswer[] Answers)> ReadAsync(IReadOnlyList<PositionKey> keys, bool dated, CancellationToken token);

    Task<StockDocument?> FindAsync(string kind, string id, CancellationToken token);

    /// <summary>Documents of a list from <paramref name="after"/> (exclusive; null from the start) in falling order of id.</summary>
    Task<IReadOnlyList<StockDocument>> ListAsync(string kind, string list, string? after, int limit, CancellationToken token);

    Task<StoredAnswer?> FindAnswerAsync(string key, CancellationToken token);

    /// <summary>Documents whose time has come, the earliest first.</summary>
    Task<IReadOnlyList<(string Kind, string Id)>> DueAsync(int limit, CancellationToken token);

    /// <summary>Partitions with entries in their outbox.</summary>
    Task<IReadOnlyList<int>> OutboxesAsync(CancellationToken token);

    /// <summary>The oldest entries of a lane's outbox.</summary>
    Task<IReadOnlyList<OutboxEntry>> OutboxAsync(int partition, int limit, CancellationToken token);

    /// <summary>Removes entries that Kafka has acknowledged.</summary>
    Task ForwardedAsync(int partition, IReadOnlyList<OutboxEntry> entries, CancellationToken token);
}
