using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>What is wrong with a generated record, on purpose.</summary>
public enum FactFlaw : byte
{
    None,
    EmptyValue,
    NullValue,
    BadMagicByte,
    ShortHeader,
    UnknownSchemaId,
    WrongRecord,
    Truncated,
    TrailingBytes,
    MissingEventId,
    EventIdTooLong,
    KeyOfAnotherSku,
    UnknownSku,
    UnknownLocation,
    UnknownType,
    WrongSign,
    ZeroQuantity,
    QuantityTooLarge,
    CountWithoutQuantity,
    CorrectionWithoutTarget,
    TransferWithoutCounterpart,
    BeforeTime,
    FutureTime,
    BadCurrency,
    TooManyAttributes,
}

/// <summary>The reason that a processor must give for each flaw.</summary>
public static class FactFlaws
{
    /// <summary>Number of kinds, <see cref="FactFlaw.None"/> left out.</summary>
    public const int Kinds = (int)FactFlaw.TooManyAttributes;

    /// <summary>The reason that a dead letter with this flaw carries.</summary>
    public static RejectReason ExpectedReason(FactFlaw flaw) => flaw switch
    {
        FactFlaw.None => RejectReason.None,
        FactFlaw.EmptyValue or FactFlaw.NullValue or FactFlaw.BadMagicByte or FactFlaw.ShortHeader => RejectReason.WireFormat,
        FactFlaw.UnknownSchemaId => RejectReason.UnknownSchema,
        FactFlaw.WrongRecord => RejectReason.WrongRecord,
        FactFlaw.Truncated or FactFlaw.TrailingBytes => RejectReason.AvroMalformed,
        FactFlaw.MissingEventId => RejectReason.MissingId,
        FactFlaw.EventIdTooLong => RejectReason.BadId,
        FactFlaw.KeyOfAnotherSku => RejectReason.KeyMismatch,
        FactFlaw.UnknownSku => RejectReason.UnknownSku,
        FactFlaw.UnknownLocation => RejectReason.UnknownLocation,
        FactFlaw.UnknownType => RejectReason.UnknownMovementType,
        FactFlaw.WrongSign or FactFlaw.ZeroQuantity => RejectReason.QuantitySign,
        FactFlaw.QuantityTooLarge => RejectReason.QuantityRange,
        FactFlaw.CountWithoutQuantity => RejectReason.CountMissing,
        FactFlaw.CorrectionWithoutTarget => RejectReason.CorrectionTarget,
        FactFlaw.TransferWithoutCounterpart => RejectReason.CounterpartMissing,
        FactFlaw.BeforeTime => RejectReason.TimeRange,
        FactFlaw.FutureTime => RejectReason.TimeFuture,
        FactFlaw.BadCurrency => RejectReason.Currency,
        FactFlaw.TooManyAttributes => RejectReason.Attributes,
        _ => throw new ArgumentOutOfRangeException(nameof(flaw), flaw, null),
    };

    /// <summary>Gives a good sale this flaw; flaws of the bytes alone are the encoder's.</summary>
    internal static void Apply(ref GeneratedFact sale, FactFlaw flaw, SeededRandom random)
    {
        sale.Flaw = flaw;
        switch (flaw)
        {
            case FactFlaw.WrongSign:
                sale.Qty = -sale.Qty;
                break;
            case FactFlaw.ZeroQuantity:
                sale.Qty = 0;
                break;
            case FactFlaw.QuantityTooLarge:
                sale.Qty = -1_000_001 - random.Below(1_000_000);
                break;
            case FactFlaw.CountWithoutQuantity:
                sale.Type = MovementType.CycleCount;
                sale.Source = GeneratedSource.Wms;
                sale.Qty = 0;
                break;
            case FactFlaw.CorrectionWithoutTarget:
                sale.Type = MovementType.Correction;
                break;
            case FactFlaw.TransferWithoutCounterpart:
                sale.Type = MovementType.TransferOut;
                sale.Source = GeneratedSource.Wms;
                break;
            case FactFlaw.UnknownType:
                sale.Type = MovementType.Unknown;
                break;
            case FactFlaw.BeforeTime:
                sale.EventTs = -1 - random.Below(1_000_000);
                break;
            case FactFlaw.FutureTime:
                sale.EventTs += 30L * 24 * 3_600_000;
                break;
            default:
                break;
        }
    }
}
