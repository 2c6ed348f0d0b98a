using System.Text.Json.Serialization;
using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>One movement, or the effect of a correction on one. Quantities in units, times in UTC.</summary>
public sealed record LedgerEntryPayload(
    [property: JsonPropertyName("event_id")] string EventId,
    [property: JsonPropertyName("movement_type")] string MovementType,
    [property: JsonPropertyName("event_ts")] DateTime EventTs,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("location_id")] string LocationId,
    [property: JsonPropertyName("counterpart_location_id")] string? CounterpartLocationId,
    [property: JsonPropertyName("quantity")] long Quantity,
    [property: JsonPropertyName("counted")] long? Counted,
    [property: JsonPropertyName("unit_price")] decimal? UnitPrice,
    [property: JsonPropertyName("currency")] string? Currency,
    [property: JsonPropertyName("source_system")] string SourceSystem,
    [property: JsonPropertyName("reference_id")] string ReferenceId,
    [property: JsonPropertyName("stocked")] bool Stocked,
    [property: JsonPropertyName("effect_of")] string? EffectOf,
    [property: JsonPropertyName("corrects")] string? Corrects,
    [property: JsonPropertyName("record")] string Record)
{
    public static LedgerEntryPayload Of(LedgerEntry entry) => new(
        entry.EventId, entry.MovementType, PositionPayload.Instant(entry.EventTs), PositionPayload.Instant(entry.RecordedTs), entry.LocationId,
        Text(entry.CounterpartId), entry.Quantity, entry.Counted, entry.UnitPrice, Text(entry.Currency), entry.SourceSystem, entry.ReferenceId, entry.Stocked,
        Text(entry.EffectOf), Text(entry.Corrects), entry.Record);

    private static string? Text(string text) => text.Length == 0 ? null : text;
}

/// <summary>A page of the ledger, the latest event first. Next is the cursor of the following page, null on the last one.</summary>
public sealed record LedgerPayload(
    [property: JsonPropertyName("sku_id")] string SkuId,
    [property: JsonPropertyName("location_id")] string? LocationId,
    [property: JsonPropertyName("known_at")] DateTime KnownAt,
    [property: JsonPropertyName("entries")] IReadOnlyList<LedgerEntryPayload> Entries,
    [property: JsonPropertyName("next")] string? Next);

/// <summary>The count that on-hand rests on. CorrectedBy are the corrections that Counted has taken in.</summary>
public sealed record CountPayload(
    [property: JsonPropertyName("event_id")] string EventId,
    [property: JsonPropertyName("event_ts")] DateTime EventTs,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("counted")] long Counted,
    [property: JsonPropertyName("source_system")] string SourceSystem,
    [property: JsonPropertyName("reference_id")] string ReferenceId,
    [property: JsonPropertyName("corrected_by")] IReadOnlyList<string> CorrectedBy);

/// <summary>Movements of one type. ReportedHere is false for transfers that the other location reported. OnHand is their part of on-hand.</summary>
public sealed record MovementSumPayload(
    [property: JsonPropertyName("movement_type")] string MovementType,
    [property: JsonPropertyName("reported_here")] bool ReportedHere,
    [property: JsonPropertyName("movements")] long Movements,
    [property: JsonPropertyName("units")] long Units,
    [property: JsonPropertyName("on_hand")] long OnHand);

/// <summary>A correction of an event of the SKU. Quantity 0 voids what it names.</summary>
public sealed record CorrectionPayload(
    [property: JsonPropertyName("event_id")] string EventId,
    [property: JsonPropertyName("corrects")] string Corrects,
    [property: JsonPropertyName("movement")] string Movement,
    [property: JsonPropertyName("quantity")] long Quantity,
    [property: JsonPropertyName("event_ts")] DateTime EventTs,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("source_system")] string SourceSystem);

/// <summary>A transfer with open units: sent less received.</summary>
public sealed record OpenTransferPayload(
    [property: JsonPropertyName("reference_id")] string ReferenceId,
    [property: JsonPropertyName("from")] string From,
    [property: JsonPropertyName("to")] string To,
    [property: JsonPropertyName("sent")] long Sent,
    [property: JsonPropertyName("received")] long Received,
    [property: JsonPropertyName("open")] long Open,
    [property: JsonPropertyName("oldest")] DateTime Oldest);

/// <summary>The latest result of each quality rule.</summary>
public sealed record QualityPayload([property: JsonPropertyName("rules")] IReadOnlyList<QualityResult> Rules);

/// <summary>Why a position is what it is: position.on_hand = count.counted (0 without a count) + the sum of since's on_hand.</summary>
public sealed record ExplainPayload
{
    [JsonPropertyName("position")]
    public required PositionPayload Position { get; init; }

    [JsonPropertyName("count")]
    public CountPayload? Count { get; init; }

    [JsonPropertyName("since")]
    public required IReadOnlyList<MovementSumPayload> Since { get; init; }

    /// <summary>At or before the count: without effect on on-hand.</summary>
    [JsonPropertyName("before_count")]
    public required IReadOnlyList<MovementSumPayload> BeforeCount { get; init; }

    [JsonPropertyName("corrections")]
    public required IReadOnlyList<CorrectionPayload> Corrections { get; init; }

    /// <summary>Of the whole SKU: corrections of events that are not known.</summary>
    [JsonPropertyName("held_corrections")]
    public required IReadOnlyList<CorrectionPayload> HeldCorrections { get; init; }

    [JsonPropertyName("open_transfers")]
    public required IReadOnlyList<OpenTransferPayload> OpenTransfers { get; init; }

    public static ExplainPayload Of(PositionExplanation told, AsOf asOf) => new()
    {
        Position = PositionPayload.Of(told.Position, asOf),
        Count = told.Count is { } count
            ? new CountPayload(count.EventId, PositionPayload.Instant(count.EventTs), PositionPayload.Instant(count.RecordedTs), count.Counted, count.SourceSystem,
                count.ReferenceId, count.CorrectedBy)
            : null,
        Since = [.. told.Since.Select(sum => Sum(sum, isSince: true))],
        BeforeCount = [.. told.Before.Select(sum => Sum(sum, isSince: false))],
        Corrections = [.. told.Corrections.Select(Correction)],
        HeldCorrections = [.. told.Held.Select(Correction)],
        OpenTransfers = [.. told.Transfers.Select(t => new OpenTransferPayload(
            t.ReferenceId, t.FromId, t.ToId, t.Sent, t.Received, t.Sent - t.Received, PositionPayload.Instant(t.OldestTs)))],
    };

    private static MovementSumPayload Sum(MovementSum sum, bool isSince) =>
        new(sum.MovementType, !sum.Transfers, sum.Movements, sum.Units, isSince && sum.ChangesOnHand ? sum.Units : 0);

    private static CorrectionPayload Correction(CorrectionFact fact) => new(fact.EventId, fact.Corrects, fact.RootId, fact.Quantity,
        PositionPayload.Instant(fact.EventTs), PositionPayload.Instant(fact.RecordedTs), fact.SourceSystem);
}
