using System.Text.Json.Serialization;

namespace Stockflow.Model;

/// <summary>What became of one event: every record that carried it, and all that followed from it. Times in UTC, quantities in units.</summary>
public sealed record EventLineage
{
    /// <summary>Most entries of each list; what is beyond is left out and <see cref="IsCut"/> says so.</summary>
    public const int Most = 100;

    [JsonPropertyName("event_id")]
    public required string EventId { get; init; }

    [JsonPropertyName("occurrences")]
    public required IReadOnlyList<EventOccurrence> Occurrences { get; init; }

    [JsonPropertyName("movements")]
    public required IReadOnlyList<LineageMovement> Movements { get; init; }

    [JsonPropertyName("corrections")]
    public required IReadOnlyList<LineageCorrection> Corrections { get; init; }

    [JsonPropertyName("aggregates")]
    public required IReadOnlyList<LineageAggregate> Aggregates { get; init; }

    [JsonPropertyName("restatements")]
    public required IReadOnlyList<LineageRestatement> Restatements { get; init; }

    [JsonPropertyName("postings")]
    public required IReadOnlyList<LineagePosting> Postings { get; init; }

    [JsonPropertyName("compensations")]
    public required IReadOnlyList<LineageCompensation> Compensations { get; init; }

    [JsonPropertyName("is_cut")]
    public required bool IsCut { get; init; }
}

/// <summary>One Kafka record that carried the event.</summary>
/// <param name="Topic">Kafka topic.</param>
/// <param name="Partition">Kafka partition.</param>
/// <param name="Offset">Kafka offset.</param>
/// <param name="BrokerTs">Timestamp of the record.</param>
/// <param name="SchemaId">Schema that it was written with.</param>
/// <param name="Verdict">accepted, duplicate or dead_letter.</param>
/// <param name="Reason">Reason code of a dead letter.</param>
/// <param name="Message">What was wrong with it.</param>
/// <param name="DuplicateOf">Offset, in the same partition, of the record that counted; null where the history does not have it any more.</param>
/// <param name="Batch">Records that were recorded together with it.</param>
public sealed record EventOccurrence(
    [property: JsonPropertyName("topic")] string Topic,
    [property: JsonPropertyName("partition")] int Partition,
    [property: JsonPropertyName("offset")] long Offset,
    [property: JsonPropertyName("broker_ts")] DateTime BrokerTs,
    [property: JsonPropertyName("schema_id")] long? SchemaId,
    [property: JsonPropertyName("verdict")] string Verdict,
    [property: JsonPropertyName("reason")] string? Reason,
    [property: JsonPropertyName("message")] string? Message,
    [property: JsonPropertyName("duplicate_of")] long? DuplicateOf,
    [property: JsonPropertyName("batch")] LineageBatch Batch);

/// <summary>
/// Records of a partition that share a time of recording. A batch has no number of its own: its records are committed together and get the commit's
/// time, so two batches of one millisecond would look like one.
/// </summary>
public sealed record LineageBatch(
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("first_offset")] long FirstOffset,
    [property: JsonPropertyName("last_offset")] long LastOffset,
    [property: JsonPropertyName("records")] long Records);

/// <summary>A row of the ledger.</summary>
/// <param name="Record">topic/partition/offset.</param>
/// <param name="EffectiveQuantity">Quantity with all corrections in effect; 0 where it is voided. Null of a count and of a correction.</param>
/// <param name="EffectiveCounted">The same of a count's units; null of a voided one.</param>
/// <param name="Corrects">The event that it corrects, of a correction.</param>
/// <param name="Root">The movement that this leads to.</param>
/// <param name="InEffect">Of a correction whether it counts; true of every other movement.</param>
public sealed record LineageMovement(
    [property: JsonPropertyName("record")] string Record,
    [property: JsonPropertyName("movement_type")] string MovementType,
    [property: JsonPropertyName("sku_id")] string SkuId,
    [property: JsonPropertyName("location_id")] string LocationId,
    [property: JsonPropertyName("counterpart_location_id")] string? CounterpartId,
    [property: JsonPropertyName("event_ts")] DateTime EventTs,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("quantity")] long Quantity,
    [property: JsonPropertyName("counted")] long? Counted,
    [property: JsonPropertyName("effective_quantity")] long? EffectiveQuantity,
    [property: JsonPropertyName("effective_counted")] long? EffectiveCounted,
    [property: JsonPropertyName("source_system")] string SourceSystem,
    [property: JsonPropertyName("reference_id")] string ReferenceId,
    [property: JsonPropertyName("stocked")] bool Stocked,
    [property: JsonPropertyName("corrects")] string? Corrects,
    [property: JsonPropertyName("root")] string? Root,
    [property: JsonPropertyName("in_effect")] bool InEffect);

/// <summary>A correction that leads to the event, directly or through other corrections. Quantity 0 voids what it names.</summary>
public sealed record LineageCorrection(
    [property: JsonPropertyName("event_id")] string EventId,
    [property: JsonPropertyName("corrects")] string Corrects,
    [property: JsonPropertyName("quantity")] long Quantity,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("source_system")] string SourceSystem,
    [property: JsonPropertyName("in_effect")] bool InEffect);

/// <summary>A row of an aggregate to which the event belongs by its time and place.</summary>
/// <param name="Table">demand_hourly, demand_daily or position_hourly.</param>
/// <param name="Start">Start of the hour or day.</param>
/// <param name="Closed">Whether the hour or day is closed.</param>
/// <param name="Revision">Its newest revision; null where there is no row.</param>
/// <param name="RevisedAt">When that was written.</param>
public sealed record LineageAggregate(
    [property: JsonPropertyName("table")] string Table,
    [property: JsonPropertyName("sku_id")] string SkuId,
    [property: JsonPropertyName("location_id")] string LocationId,
    [property: JsonPropertyName("start")] DateTime Start,
    [property: JsonPropertyName("closed")] bool Closed,
    [property: JsonPropertyName("revision")] long? Revision,
    [property: JsonPropertyName("revised_at")] DateTime? RevisedAt);

/// <summary>A revision of a closed row.</summary>
/// <param name="Caused">Whether the event is the one that the log names as its cause: the latest of those that led to it.</param>
/// <param name="NetUnits">What the row's net units changed by.</param>
/// <param name="OnHand">What the row's on-hand changed by.</param>
public sealed record LineageRestatement(
    [property: JsonPropertyName("table")] string Table,
    [property: JsonPropertyName("location_id")] string LocationId,
    [property: JsonPropertyName("start")] DateTime Start,
    [property: JsonPropertyName("revision")] long Revision,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("caused")] bool Caused,
    [property: JsonPropertyName("cause_event_id")] string CauseEventId,
    [property: JsonPropertyName("net_units")] long NetUnits,
    [property: JsonPropertyName("on_hand")] long OnHand);

/// <summary>A late effect on a locked period, posted into an open hour.</summary>
public sealed record LineagePosting(
    [property: JsonPropertyName("period")] string Period,
    [property: JsonPropertyName("location_id")] string LocationId,
    [property: JsonPropertyName("start")] DateTime Start,
    [property: JsonPropertyName("posting_hour")] DateTime PostingHour,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("caused")] bool Caused,
    [property: JsonPropertyName("cause_event_id")] string CauseEventId,
    [property: JsonPropertyName("net_units")] long NetUnits);

/// <summary>What the reconciliation did about a record that counted the event again.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Action">planned or compensated.</param>
/// <param name="EventId">The event that counted twice.</param>
/// <param name="Record">topic/partition/offset of the second record.</param>
/// <param name="CompensatedBy">event_id of each compensating movement.</param>
public sealed record LineageCompensation(
    [property: JsonPropertyName("run_id")] string RunId,
    [property: JsonPropertyName("recorded_at")] DateTime RecordedAt,
    [property: JsonPropertyName("action")] string Action,
    [property: JsonPropertyName("event_id")] string EventId,
    [property: JsonPropertyName("record")] string Record,
    [property: JsonPropertyName("compensated_by")] IReadOnlyList<string> CompensatedBy);
