using System.Globalization;

namespace Stockflow.Model;

/// <summary>A moment of the past in both times, milliseconds since 1970-01-01 UTC.</summary>
/// <param name="At">Events that happened until then count, inclusive.</param>
/// <param name="KnownAt">Records that this system knew then count, inclusive.</param>
public readonly record struct AsOf(long At, long KnownAt)
{
    /// <summary>After every event and every record.</summary>
    public const long Everything = 9_999_999_999_999;
}

/// <summary>One movement, or the effect of a correction on one. Times in milliseconds since 1970-01-01 UTC.</summary>
public sealed record LedgerEntry
{
    public required string Topic { get; init; }

    public required int Partition { get; init; }

    public required long Offset { get; init; }

    /// <summary>Where it stands in Kafka: topic/partition/offset.</summary>
    public string Record => string.Create(CultureInfo.InvariantCulture, $"{Topic}/{Partition}/{Offset}");

    /// <summary>The movement.</summary>
    public required string EventId { get; init; }

    public required long EventTs { get; init; }

    /// <summary>When the movement became known; of an effect, when its correction did.</summary>
    public required long RecordedTs { get; init; }

    public required string SkuId { get; init; }

    public required string LocationId { get; init; }

    /// <summary>Other end of a transfer; empty without one.</summary>
    public required string CounterpartId { get; init; }

    public required string MovementType { get; init; }

    /// <summary>Signed units; of an effect, what it adds.</summary>
    public required long Quantity { get; init; }

    /// <summary>Units of a count, as corrected; null for every other movement and for a voided count.</summary>
    public long? Counted { get; init; }

    public decimal? UnitPrice { get; init; }

    public required string Currency { get; init; }

    public required string SourceSystem { get; init; }

    /// <summary>Source document: receipt, order, shipping notice, count sheet.</summary>
    public required string ReferenceId { get; init; }

    /// <summary>False for services and fees, which change no position.</summary>
    public required bool Stocked { get; init; }

    /// <summary>The correction that brought this entry about; empty for the movement itself. Of a corrected count the last one.</summary>
    public string EffectOf { get; init; } = "";

    /// <summary>The event that the correction names: the movement, or another correction.</summary>
    public string Corrects { get; init; } = "";
}

/// <summary>Where a page of entries ended: the next one begins behind it.</summary>
public readonly record struct LedgerPlace(long EventTs, string Topic, int Partition, long Offset, string EffectOf);

/// <summary>Which entries to list, the latest event first.</summary>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Its own movements and the transfers of others from and to it; null for all locations.</param>
/// <param name="From">Earliest event time, inclusive.</param>
/// <param name="Until">Latest event time, exclusive.</param>
/// <param name="KnownAt">Records known then count, inclusive.</param>
/// <param name="After">End of the page before; null for the first page.</param>
/// <param name="Limit">Entries of a page.</param>
public sealed record LedgerPageQuestion(string SkuId, string? LocationId, long From, long Until, long KnownAt, LedgerPlace? After, int Limit);

/// <summary>A page; <see cref="IsLast"/> when nothing follows.</summary>
public sealed record LedgerPage(IReadOnlyList<LedgerEntry> Entries, bool IsLast);

/// <summary>A count of one position.</summary>
/// <param name="EventId">The count.</param>
/// <param name="EventTs">When was counted.</param>
/// <param name="RecordedTs">When it became known.</param>
/// <param name="Counted">Units, as corrected.</param>
/// <param name="SourceSystem">Who says so.</param>
/// <param name="ReferenceId">Count sheet.</param>
public sealed record CountFact(string EventId, long EventTs, long RecordedTs, long Counted, string SourceSystem, string ReferenceId)
{
    /// <summary>Corrections in effect on it.</summary>
    public IReadOnlyList<string> CorrectedBy { get; init; } = [];
}

/// <summary>Movements of one type at one position.</summary>
/// <param name="MovementType">Their type.</param>
/// <param name="Transfers">False for the position's own; true for transfers that other locations reported.</param>
/// <param name="Movements">How many.</param>
/// <param name="Units">Their signed sum, as corrected.</param>
public readonly record struct MovementSum(string MovementType, bool Transfers, long Movements, long Units)
{
    private static readonly HashSet<string> OnHandTypes = new(
        new[]
        {
            Model.MovementType.Sale, Model.MovementType.Return, Model.MovementType.Receipt, Model.MovementType.TransferOut, Model.MovementType.TransferIn,
            Model.MovementType.Adjustment, Model.MovementType.Rtv, Model.MovementType.Ship,
        }.Select(type => type.Name()), StringComparer.Ordinal);

    /// <summary>Whether movements of the type change on-hand, where they come after the last count.</summary>
    public bool ChangesOnHand => !Transfers && OnHandTypes.Contains(MovementType);
}

/// <summary>A correction of an event of the SKU.</summary>
/// <param name="EventId">The correction.</param>
/// <param name="Corrects">The event that it names.</param>
/// <param name="RootId">The movement that this leads to; the missing event where the correction is held.</param>
/// <param name="Quantity">Units that it adds; 0 voids what it names.</param>
/// <param name="EventTs">When it was made.</param>
/// <param name="RecordedTs">When it became known.</param>
/// <param name="SourceSystem">Who says so.</param>
public sealed record CorrectionFact(string EventId, string Corrects, string RootId, long Quantity, long EventTs, long RecordedTs, string SourceSystem);

/// <summary>A transfer of which not as much arrived as was sent, or the reverse.</summary>
/// <param name="ReferenceId">Its document.</param>
/// <param name="FromId">Sending location.</param>
/// <param name="ToId">Receiving location.</param>
/// <param name="Sent">Units that the sender reported.</param>
/// <param name="Received">Units that the receiver reported.</param>
/// <param name="OldestTs">Event time of its first leg.</param>
public sealed record OpenTransfer(string ReferenceId, string FromId, string ToId, long Sent, long Received, long OldestTs);

/// <summary>Why a position is what it is. On-hand is the count's units plus the sum of <see cref="Since"/>'s own movements that change on-hand.</summary>
public sealed record PositionExplanation
{
    public required StockPosition Position { get; init; }

    /// <summary>The count that on-hand rests on; null where there is none, then every movement counts.</summary>
    public CountFact? Count { get; init; }

    /// <summary>Movements after the count.</summary>
    public required IReadOnlyList<MovementSum> Since { get; init; }

    /// <summary>Movements at or before the count: they change no on-hand, but what is unsellable, reserved and in transit.</summary>
    public required IReadOnlyList<MovementSum> Before { get; init; }

    /// <summary>Corrections in effect on movements of the position, the latest first; at most <see cref="Most"/>.</summary>
    public required IReadOnlyList<CorrectionFact> Corrections { get; init; }

    /// <summary>Corrections of the SKU whose event is not known, at any location; at most <see cref="Most"/>.</summary>
    public required IReadOnlyList<CorrectionFact> Held { get; init; }

    /// <summary>Transfers of the position with open units, the oldest first; at most <see cref="Most"/>.</summary>
    public required IReadOnlyList<OpenTransfer> Transfers { get; init; }

    /// <summary>Length of the lists that history could make long.</summary>
    public const int Most = 100;
}

/// <summary>The ledger as it was known at any time.</summary>
/// <remarks>Every call throws <see cref="StoreUnavailableException"/> where the history does not answer.</remarks>
public interface IHistoryReader
{
    /// <summary>One position; null where nothing had happened.</summary>
    Task<StockPosition?> PositionAsync(string skuId, string locationId, AsOf asOf, CancellationToken token);

    /// <summary>One position with its reasons; null where nothing had happened.</summary>
    Task<PositionExplanation?> ExplainAsync(string skuId, string locationId, AsOf asOf, CancellationToken token);

    /// <summary>A page of entries.</summary>
    Task<LedgerPage> PageAsync(LedgerPageQuestion question, CancellationToken token);

    /// <summary>What became of one event; null where no record of it is known.</summary>
    Task<EventLineage?> LineageAsync(string eventId, CancellationToken token);

    /// <summary>The latest result of each quality rule, by name.</summary>
    Task<IReadOnlyList<QualityResult>> QualityAsync(CancellationToken token);
}
