using System.Buffers.Binary;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>
/// The peer's decoding into plain objects, with a resolution a writer schema, and the same checks as the processor's, in the same order.
/// </summary>
internal sealed class PeerValidation(AvroSchema schema, FolderSchemaSource schemas, ReferenceCatalog catalog)
{
    private const int HeaderBytes = 5, MaximumEventId = 128, MaximumId = 64, MaximumText = 256, MaximumAttributes = 32;
    private const long MaximumQuantity = 1_000_000, EarliestTs = 631_152_000_000, FutureMilliseconds = 600_000;

    private static readonly string[] Texts = ["reference_id", "promo_id", "reason", "performed_by", "corrects_event_id", "customer_ref"];
    private readonly Dictionary<int, (AvroResolution? Plan, RejectReason Problem)> plans = [];

    /// <summary>Fills the event, or gives it the reason why it is a dead letter.</summary>
    public async ValueTask ApplyAsync(PeerEvent item, CancellationToken token)
    {
        var value = item.Source.Message.Value;
        if (value is null || value.Length < HeaderBytes || value[0] != 0)
        {
            item.Reason = RejectReason.WireFormat;
            return;
        }

        var id = BinaryPrimitives.ReadInt32BigEndian(value.AsSpan(1));
        if (!plans.TryGetValue(id, out var plan))
        {
            plans[id] = plan = Plan(await schemas.GetByIdAsync(id, token));
        }

        if (plan.Plan is null)
        {
            item.Reason = plan.Problem;
            return;
        }

        try
        {
            item.Movement = (AvroRecord)GenericReader.Read(plan.Plan, value.AsSpan(HeaderBytes))!;
        }
        catch (AvroDataException)
        {
            item.Reason = RejectReason.AvroMalformed;
            return;
        }

        item.Reason = Check(item, item.Movement);
    }

    private (AvroResolution? Plan, RejectReason Problem) Plan(AvroSchema? writer)
    {
        if (writer is null)
        {
            return (null, RejectReason.UnknownSchema);
        }

        try
        {
            return (AvroResolution.Compile(writer, schema), RejectReason.None);
        }
        catch (AvroException)
        {
            return (null, RejectReason.WrongRecord);
        }
    }

    private RejectReason Check(PeerEvent item, AvroRecord movement)
    {
        var (eventId, source) = ((string)movement["event_id"]!, (string)movement["source_system"]!);
        var counterpart = (string?)movement["counterpart_location_id"];
        var counted = (long?)movement["counted_qty"];
        item.Sku = (string)movement["sku_id"]!;
        item.Location = (string)movement["location_id"]!;
        item.Quantity = (long)movement["qty_delta"]!;
        var type = item.Type = MovementTypes.TryParse((string)movement["movement_type"]!, out var known) ? known : MovementType.Unknown;
        if (eventId.Length == 0 || item.Sku.Length == 0 || item.Location.Length == 0 || source.Length == 0)
        {
            return RejectReason.MissingId;
        }

        if (BadId(eventId, MaximumEventId) || BadId(item.Sku, MaximumId) || BadId(item.Location, MaximumId) || BadId(source, MaximumId)
            || (counterpart is not null && BadId(counterpart, MaximumId)) || Texts.Any(name => movement[name] is string { Length: > MaximumText }))
        {
            return RejectReason.BadId;
        }

        if (type == MovementType.Unknown)
        {
            return RejectReason.UnknownMovementType;
        }

        if (Math.Abs(item.Quantity) > MaximumQuantity || counted > MaximumQuantity)
        {
            return RejectReason.QuantityRange;
        }

        if (BadSign(type, item.Quantity))
        {
            return RejectReason.QuantitySign;
        }

        if (type == MovementType.CycleCount && counted is null or < 0)
        {
            return RejectReason.CountMissing;
        }

        if (type == MovementType.Correction && string.IsNullOrEmpty((string?)movement["corrects_event_id"]))
        {
            return RejectReason.CorrectionTarget;
        }

        if (type is MovementType.TransferOut or MovementType.TransferIn && (string.IsNullOrEmpty(counterpart) || counterpart == item.Location))
        {
            return RejectReason.CounterpartMissing;
        }

        var (eventTs, ingestTs) = (Milliseconds(movement["event_ts"]), Milliseconds(movement["ingest_ts"]));
        if (eventTs < EarliestTs || ingestTs < EarliestTs)
        {
            return RejectReason.TimeRange;
        }

        if (Math.Max(eventTs, ingestTs) > DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + FutureMilliseconds)
        {
            return RejectReason.TimeFuture;
        }

        if (movement["currency"] is string currency && (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper)))
        {
            return RejectReason.Currency;
        }

        if (((Dictionary<string, object?>)movement["attributes"]!).Count > MaximumAttributes)
        {
            return RejectReason.Attributes;
        }

        return CheckReferences(item, counterpart);
    }

    private RejectReason CheckReferences(PeerEvent item, string? counterpart)
    {
        if (System.Text.Encoding.UTF8.GetString(item.Source.Message.Key ?? []) != item.Sku)
        {
            return RejectReason.KeyMismatch;
        }

        if (!catalog.TryGetSku(item.Sku, out var stocked))
        {
            return RejectReason.UnknownSku;
        }

        item.Stocked = stocked;
        return catalog.HasLocation(item.Location) && (counterpart is null || catalog.HasLocation(counterpart)) ? RejectReason.None : RejectReason.UnknownLocation;
    }

    private static bool BadId(string id, int maximum) => id.Length > maximum || id.Any(char.IsControl) || id[0] == ' ' || id[^1] == ' ';

    private static bool BadSign(MovementType type, long quantity) => type switch
    {
        MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship => quantity >= 0,
        MovementType.Return or MovementType.Receipt or MovementType.TransferIn or MovementType.Release => quantity <= 0,
        MovementType.Adjustment or MovementType.Damage => quantity == 0,
        MovementType.CycleCount => quantity != 0,
        _ => false,
    };

    // A year that DateTimeOffset does not have comes as the number on the wire.
    private static long Milliseconds(object? time) => time is DateTimeOffset utc ? utc.ToUnixTimeMilliseconds() : (long)time!;
}
