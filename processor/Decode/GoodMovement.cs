using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// The <see cref="ValidationRules"/> in one look, for movements without fault. It may refuse a good movement, which the rules then take;
/// it must never take a bad one.
/// </summary>
internal static class GoodMovement
{
    private const int Vector = 16;

    /// <summary>By movement type: bit 0 where the quantity may be below zero, bit 1 where it may be 0, bit 2 where it may be above.</summary>
    private static ReadOnlySpan<byte> Signs => [0, 1, 4, 4, 1, 4, 5, 2, 1, 5, 1, 4, 1, 7];

    /// <summary>
    /// True if no rule is broken, provided that sku_id, location_id, source_system and counterpart_location_id, if present, passed the
    /// rules in another movement in the same place, and that the last is not the location_id.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsGood(in Movement m, byte[] arena, in RuleContext context)
    {
        var quantity = context.Options.MaximumQuantity;
        var type = (int)m.Type;
        var sign = 1 << (1 + Math.Sign(m.QtyDelta));
        return m.SkuId.Length > 0 && m.LocationId.Length > 0 && m.SourceSystem.Length > 0
            && (m.ReferenceId.Length | m.PromoId.Length | m.Reason.Length | m.PerformedBy.Length | m.CorrectsEventId.Length | m.CustomerRef.Length) < ValidationRules.MaximumText
            && type < Signs.Length && (Signs[type] & sign) != 0
            && m.QtyDelta <= quantity && m.QtyDelta >= -quantity && m.CountedQty <= quantity
            && m.UnitPrice != Movement.OutOfRange && m.UnitCost != Movement.OutOfRange
            && Math.Min(m.EventTs, m.IngestTs) >= ValidationRules.EarliestTs
            && Math.Max(m.EventTs, m.IngestTs) <= context.NowMilliseconds + (context.Options.FutureSeconds * 1000L)
            && HasWhatItsTypeNeeds(m)
            && IsPlainId(arena, m.EventId)
            && (!m.Currency.IsPresent || IsCurrency(arena, m.Currency))
            // The end of a map takes a byte, the count of a block another, and each entry two at least.
            && m.Attributes.Length <= (2 * ValidationRules.MaximumAttributes) + 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasWhatItsTypeNeeds(in Movement m) => m.Type switch
    {
        MovementType.CycleCount => m.CountedQty >= 0,
        MovementType.Correction => m.CorrectsEventId.Length > 0,
        MovementType.TransferOut or MovementType.TransferIn => m.CounterpartId.Length > 0,
        _ => true,
    };

    // Printable ASCII of 1 to 64 bytes without blanks at its ends. Others, and those at the very end of the arena, are for the rules.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPlainId(byte[] arena, Slice id)
    {
        var length = id.Length;
        if ((uint)(length - 1) >= 4 * Vector || arena.Length - id.Start < 4 * Vector)
        {
            return false;
        }

        ref var start = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(arena), id.Start);
        if (start == ' ' || Unsafe.Add(ref start, length - 1) == ' ')
        {
            return false;
        }

        var blank = Vector128.Create((byte)' ');
        var above = Vector128.LoadUnsafe(ref start) - blank;
        if (length > Vector)
        {
            above = Vector128.Max(above, Vector128.LoadUnsafe(ref start, (nuint)(length - Vector)) - blank);
            if (length > 2 * Vector)
            {
                above = Vector128.Max(above, Vector128.LoadUnsafe(ref start, Vector) - blank);
                above = Vector128.Max(above, Vector128.LoadUnsafe(ref start, (nuint)(length - (2 * Vector))) - blank);
            }

            length = Vector;
        }

        var bad = Vector128.GreaterThan(above, Vector128.Create((byte)('~' - ' '))).ExtractMostSignificantBits();
        return (bad & ((1u << length) - 1)) == 0;
    }

    private static bool IsCurrency(byte[] arena, Slice slice) => slice.Length == 3
        && char.IsAsciiLetterUpper((char)arena[slice.Start]) && char.IsAsciiLetterUpper((char)arena[slice.Start + 1]) && char.IsAsciiLetterUpper((char)arena[slice.Start + 2]);
}
