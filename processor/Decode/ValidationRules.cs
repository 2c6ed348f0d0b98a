using System.Buffers;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>One named rule: what it refuses, under which reason, and the sentence for people.</summary>
internal sealed record Rule(
    RejectReason Reason, Rule.Test IsBroken, Func<Movement, RecordBatch, DecodeOptions, string> Describe)
{
    public delegate bool Test(in Movement movement, RecordBatch batch, in RuleContext context);
}

/// <summary>What rules need besides the record.</summary>
internal readonly record struct RuleContext(DecodeOptions Options, long NowMilliseconds);

/// <summary>
/// The rules on a movement's own content, in the order in which they are tried; the first that is broken names the dead letter's reason.
/// To add one, add a row and, if no reason fits, a <see cref="RejectReason"/>.
/// </summary>
internal static class ValidationRules
{
    public const int MaximumEventId = 128, MaximumText = 256, MaximumAttributes = 32;

    private const int MaximumId = 64;

    /// <summary>1990-01-01; an earlier time is a unit or clock error, not history.</summary>
    public const long EarliestTs = 631_152_000_000;

    private static readonly SearchValues<byte> Control = SearchValues.Create([.. Enumerable.Range(0, 32).Select(i => (byte)i), 127]);

    public static readonly Rule[] All =
    [
        new(RejectReason.MissingId,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.EventId.Length == 0 || m.SkuId.Length == 0 || m.LocationId.Length == 0 || m.SourceSystem.Length == 0,
            static (m, b, o) => $"{(m.EventId.Length == 0 ? "event_id" : m.SkuId.Length == 0 ? "sku_id" : m.LocationId.Length == 0 ? "location_id" : "source_system")} is empty; it is required."),
        new(RejectReason.BadId,
            static (in Movement m, RecordBatch b, in RuleContext c) => BadId(b, m.EventId, MaximumEventId) || BadId(b, m.SkuId, MaximumId)
                || BadId(b, m.LocationId, MaximumId) || BadId(b, m.SourceSystem, MaximumId) || BadId(b, m.CounterpartId, MaximumId)
                || BadText(m.ReferenceId) || BadText(m.PromoId) || BadText(m.Reason) || BadText(m.PerformedBy) || BadText(m.CorrectsEventId) || BadText(m.CustomerRef),
            static (m, b, o) => BadIdMessage(m, b)),
        new(RejectReason.UnknownMovementType,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.Type == MovementType.Unknown,
            static (m, b, o) => "movement_type is UNKNOWN, or a symbol that this version does not know."),
        new(RejectReason.QuantityRange,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.QtyDelta > c.Options.MaximumQuantity || m.QtyDelta < -c.Options.MaximumQuantity
                || m.CountedQty > c.Options.MaximumQuantity || m.UnitPrice == Movement.OutOfRange || m.UnitCost == Movement.OutOfRange,
            static (m, b, o) => m.UnitPrice == Movement.OutOfRange || m.UnitCost == Movement.OutOfRange
                ? $"{(m.UnitPrice == Movement.OutOfRange ? "unit_price" : "unit_cost")} has more than 18 digits."
                : $"qty_delta {m.QtyDelta}{(m.CountedQty == Movement.Absent ? "" : $" or counted_qty {m.CountedQty}")} is beyond {o.MaximumQuantity} units (decode.maximumQuantity)."),
        new(RejectReason.QuantitySign,
            static (in Movement m, RecordBatch b, in RuleContext c) => BadSign(m),
            static (m, b, o) => $"qty_delta {m.QtyDelta} does not fit {m.Type.Name()}; expected {ExpectedSign(m.Type)}."),
        new(RejectReason.CountMissing,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.Type == MovementType.CycleCount && m.CountedQty < 0,
            static (m, b, o) => m.CountedQty == Movement.Absent ? "counted_qty is missing; a CYCLE_COUNT needs it." : $"counted_qty {m.CountedQty} is below zero."),
        new(RejectReason.CorrectionTarget,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.Type == MovementType.Correction && m.CorrectsEventId.Length == 0,
            static (m, b, o) => "corrects_event_id is missing; a CORRECTION needs it."),
        new(RejectReason.CounterpartMissing,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.Type is MovementType.TransferOut or MovementType.TransferIn
                && (m.CounterpartId.Length == 0 || b.Bytes(m.CounterpartId).SequenceEqual(b.Bytes(m.LocationId))),
            static (m, b, o) => $"counterpart_location_id must name the other end of a {m.Type.Name()}."),
        new(RejectReason.TimeRange,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.EventTs < EarliestTs || m.IngestTs < EarliestTs,
            static (m, b, o) => $"{(m.EventTs < EarliestTs ? $"event_ts {m.EventTs}" : $"ingest_ts {m.IngestTs}")} is before 1990; expected milliseconds since 1970-01-01 UTC."),
        new(RejectReason.TimeFuture,
            static (in Movement m, RecordBatch b, in RuleContext c) => Math.Max(m.EventTs, m.IngestTs) > c.NowMilliseconds + (c.Options.FutureSeconds * 1000L),
            static (m, b, o) => $"{(m.EventTs >= m.IngestTs ? "event_ts" : "ingest_ts")} {Math.Max(m.EventTs, m.IngestTs)} is more than {o.FutureSeconds} s ahead of this machine's clock (decode.futureSeconds)."),
        new(RejectReason.Currency,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.Currency.IsPresent && !IsCurrency(b.Bytes(m.Currency)),
            static (m, b, o) => "currency is not three capital letters of ISO 4217."),
        new(RejectReason.Attributes,
            static (in Movement m, RecordBatch b, in RuleContext c) => m.Attributes.Length > 1 && TooManyAttributes(b.Bytes(m.Attributes)),
            static (m, b, o) => $"attributes has more than {MaximumAttributes} entries."),
    ];

    private static bool BadId(RecordBatch batch, Slice id, int maximum)
    {
        if (!id.IsPresent)
        {
            return false;
        }

        var bytes = batch.Bytes(id);
        return bytes.Length > maximum || bytes.IndexOfAny(Control) >= 0 || bytes is [(byte)' ', ..] or [.., (byte)' '];
    }

    private static bool BadText(Slice text) => text.Length > MaximumText;

    private static string BadIdMessage(in Movement m, RecordBatch b)
    {
        (string Name, Slice Slice, int Maximum)[] ids =
        [
            ("event_id", m.EventId, MaximumEventId), ("sku_id", m.SkuId, MaximumId), ("location_id", m.LocationId, MaximumId),
            ("source_system", m.SourceSystem, MaximumId), ("counterpart_location_id", m.CounterpartId, MaximumId),
        ];
        foreach (var (name, slice, maximum) in ids)
        {
            if (BadId(b, slice, maximum))
            {
                return $"{name} must be 1 to {maximum} bytes without control characters and without blanks at its ends; it has {slice.Length} bytes.";
            }
        }

        return $"A text field (reference_id, promo_id, reason, performed_by, corrects_event_id or customer_ref) is longer than {MaximumText} bytes.";
    }

    private static bool BadSign(in Movement m) => m.Type switch
    {
        MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship => m.QtyDelta >= 0,
        MovementType.Return or MovementType.Receipt or MovementType.TransferIn or MovementType.Release => m.QtyDelta <= 0,
        MovementType.Adjustment or MovementType.Damage => m.QtyDelta == 0,
        MovementType.CycleCount => m.QtyDelta != 0,
        _ => false,
    };

    private static string ExpectedSign(MovementType type) => type switch
    {
        MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship => "a number below zero",
        MovementType.Return or MovementType.Receipt or MovementType.TransferIn or MovementType.Release => "a number above zero",
        MovementType.CycleCount => "0, with the count in counted_qty",
        _ => "a number other than zero",
    };

    private static bool IsCurrency(ReadOnlySpan<byte> bytes) =>
        bytes.Length == 3 && bytes.IndexOfAnyExceptInRange((byte)'A', (byte)'Z') < 0;

    private static bool TooManyAttributes(ReadOnlySpan<byte> map)
    {
        var count = 0;
        var entries = new AvroMapCursor(map);
        while (count <= MaximumAttributes && entries.MoveNext())
        {
            count++;
        }

        return count > MaximumAttributes;
    }
}
