using System.Buffers.Binary;
using System.Buffers.Text;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>The registry's ids of the schemas that generated records are written with.</summary>
/// <param name="Movement">InventoryMovement.</param>
/// <param name="Vendor">Vendor, for the records that are of the wrong kind on purpose.</param>
public readonly record struct FactSchemaIds(int Movement, int Vendor);

/// <summary>
/// Writes facts as InventoryMovement in Confluent's wire format (0x00, schema id as 4 bytes big-endian, Avro body).
/// A function of the fact alone; allocates nothing per fact. Not thread-safe.
/// </summary>
public sealed class FactEncoder
{
    private const int HeaderBytes = 5, UnknownSchemaId = 0x7FFFFF00, TooManyAttributes = 40, TooLongId = 200;
    private static readonly byte[][] Sources = ["POS"u8.ToArray(), "ECOM"u8.ToArray(), "WMS"u8.ToArray(), "EDI"u8.ToArray()];

    private static readonly byte[][] DocumentPrefixes = ["T-"u8.ToArray(), "O-"u8.ToArray(), "W-"u8.ToArray(), "ASN-"u8.ToArray()];

    private static readonly byte[][] ReturnReasons = ["UNWANTED"u8.ToArray(), "DEFECTIVE"u8.ToArray(), "WRONG_SIZE"u8.ToArray()];
    private static readonly byte[][] AdjustmentReasons = ["SHRINKAGE"u8.ToArray(), "FOUND"u8.ToArray(), "RELABELLED"u8.ToArray()];
    private static readonly byte[][] DamageReasons = ["BROKEN"u8.ToArray(), "EXPIRED"u8.ToArray(), "WATER"u8.ToArray()];
    private static readonly byte[][] CorrectionReasons = ["VOID"u8.ToArray()];

    private readonly GeneratorCatalog catalog;
    private readonly FactSchemaIds schemas;
    private readonly uint run;
    private readonly byte[][] promotionIds;
    private readonly AvroEncoder avro = new(512);
    private readonly byte[] key = new byte[64];
    private int keyLength;

    public FactEncoder(GeneratorCatalog catalog, GeneratorOptions options, FactSchemaIds schemas)
    {
        this.catalog = catalog;
        this.schemas = schemas;
        // Ids of loads with other options must differ, and those of the same load must not.
        run = (uint)SeededRandom.Mix((ulong)HashCodeOf(options));
        promotionIds = [.. catalog.Promotions.Select(promotion => System.Text.Encoding.ASCII.GetBytes(promotion.Id))];
    }

    /// <summary>Whether the last record has a value at all; without one it is a tombstone.</summary>
    public bool HasValue { get; private set; }

    /// <summary>Key of the last record; valid until the next call.</summary>
    public ReadOnlySpan<byte> Key => key.AsSpan(0, keyLength);

    /// <summary>Value of the last record; valid until the next call.</summary>
    public ReadOnlySpan<byte> Value => avro.WrittenSpan[..valueLength];

    private int valueLength;

    /// <summary>Encodes a fact into <see cref="Key"/> and <see cref="Value"/>.</summary>
    public void Encode(in GeneratedFact fact)
    {
        avro.Clear();
        HasValue = fact.Flaw != FactFlaw.NullValue;
        var sku = SkuOf(in fact);
        WriteKey(in fact, sku);
        var schema = fact.Flaw switch
        {
            FactFlaw.UnknownSchemaId => UnknownSchemaId,
            FactFlaw.WrongRecord => schemas.Vendor,
            _ => schemas.Movement,
        };
        Span<byte> header = stackalloc byte[HeaderBytes];
        header[0] = fact.Flaw == FactFlaw.BadMagicByte ? (byte)0x7B : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], schema);
        avro.WriteFixed(header);
        if (fact.Flaw == FactFlaw.WrongRecord)
        {
            ReferenceEncoder.WriteVendor(avro, "V-0001", "A record on the wrong topic", fact.EventTs);
        }
        else
        {
            WriteMovement(in fact, sku);
        }

        if (fact.Flaw == FactFlaw.TrailingBytes)
        {
            avro.WriteFixed("\u0001\u0002\u0003"u8);
        }

        valueLength = fact.Flaw switch
        {
            FactFlaw.EmptyValue or FactFlaw.NullValue => 0,
            FactFlaw.ShortHeader => 3,
            FactFlaw.Truncated => HeaderBytes + 1 + (int)((avro.Length - HeaderBytes - 1) * (fact.Number % 97) / 97),
            _ => avro.Length,
        };
    }

    private void WriteMovement(in GeneratedFact fact, ReadOnlySpan<byte> sku)
    {
        var mixed = SeededRandom.Mix((ulong)fact.Number);
        WriteEventId(fact.Number, fact.Flaw);
        avro.WriteLong(fact.EventTs);
        avro.WriteLong(fact.IngestTs);
        avro.WriteUtf8(sku);
        avro.WriteUtf8(fact.Flaw == FactFlaw.UnknownLocation ? "ST-NOWHERE"u8 : catalog.LocationIds[fact.Location]);
        avro.WriteInt((int)fact.Type);
        avro.WriteLong(fact.Qty);
        avro.WriteUtf8(Sources[(int)fact.Source]);
        WriteReference(in fact);
        WriteMoney(in fact);
        WriteOptional(fact.Promotion >= 0 ? promotionIds[fact.Promotion] : default);
        WriteOptional(ReasonOf(fact.Type, mixed));
        WriteOperator(in fact, mixed);
        WriteOptional(fact.Counterpart >= 0 ? catalog.LocationIds[fact.Counterpart] : default);
        WriteOptional(fact.CountedQty);
        if (fact.Corrects >= 0)
        {
            avro.WriteUnionIndex(1);
            WriteEventId(fact.Corrects, FactFlaw.None);
        }
        else
        {
            avro.WriteUnionIndex(0);
        }

        WriteCustomer(in fact, mixed);
        WriteAttributes(in fact, mixed);
    }

    private ReadOnlySpan<byte> SkuOf(in GeneratedFact fact) =>
        fact.Flaw == FactFlaw.UnknownSku ? "GHOST-000001"u8 : catalog.SkuIds[fact.Sku];

    private void WriteKey(in GeneratedFact fact, ReadOnlySpan<byte> sku)
    {
        sku = fact.Flaw == FactFlaw.KeyOfAnotherSku ? "OTHER-000001"u8 : sku;
        sku.CopyTo(key);
        keyLength = sku.Length;
    }

    /// <summary>Eight hex digits of the load, a hyphen, twelve of the number.</summary>
    private void WriteEventId(long number, FactFlaw flaw)
    {
        Span<byte> id = stackalloc byte[TooLongId];
        if (flaw == FactFlaw.MissingEventId)
        {
            avro.WriteUtf8(default);
            return;
        }

        Utf8Formatter.TryFormat(run, id, out _, new('x', 8));
        id[8] = (byte)'-';
        Utf8Formatter.TryFormat((ulong)number, id[9..], out _, new('x', 12));
        id[21..].Fill((byte)'9');
        avro.WriteUtf8(flaw == FactFlaw.EventIdTooLong ? id : id[..21]);
    }

    private void WriteReference(in GeneratedFact fact)
    {
        Span<byte> text = stackalloc byte[40];
        var prefix = DocumentPrefixes[(int)fact.Source];
        prefix.CopyTo(text);
        var location = catalog.LocationIds[fact.Location];
        location.CopyTo(text[prefix.Length..]);
        var length = prefix.Length + location.Length;
        text[length++] = (byte)'-';
        // Neighbouring lines share a document, as the lines of one basket or delivery do.
        Utf8Formatter.TryFormat(fact.Number >> 2, text[length..], out var digits);
        avro.WriteUtf8(text[..(length + digits)]);
    }

    private void WriteMoney(in GeneratedFact fact)
    {
        var sold = fact.Type is MovementType.Sale or MovementType.Return or MovementType.Reserve or MovementType.Correction;
        var costed = fact.Type is MovementType.Sale or MovementType.Receipt or MovementType.Rtv or MovementType.Damage;
        if (sold)
        {
            var price = catalog.Prices[fact.Sku];
            WriteDecimal(fact.Promotion >= 0 ? price * (100 - catalog.Promotions[fact.Promotion].DiscountPercent) / 100 : price);
        }
        else
        {
            avro.WriteUnionIndex(0);
        }

        if (costed)
        {
            WriteDecimal(catalog.Costs[fact.Sku]);
        }
        else
        {
            avro.WriteUnionIndex(0);
        }

        WriteOptional(!sold && !costed ? default : fact.Flaw == FactFlaw.BadCurrency ? "EURO"u8 : "EUR"u8);
    }

    private static ReadOnlySpan<byte> ReasonOf(MovementType type, ulong mixed)
    {
        var reasons = type switch
        {
            MovementType.Return => ReturnReasons,
            MovementType.Adjustment => AdjustmentReasons,
            MovementType.Damage => DamageReasons,
            MovementType.Correction => CorrectionReasons,
            _ => null,
        };
        return reasons is null ? default : reasons[(int)(mixed % (ulong)reasons.Length)];
    }

    private void WriteOperator(in GeneratedFact fact, ulong mixed)
    {
        if (fact.Source is GeneratedSource.Edi or GeneratedSource.Ecom)
        {
            avro.WriteUnionIndex(0);
            return;
        }

        Span<byte> text = stackalloc byte[16];
        "op-"u8.CopyTo(text);
        Utf8Formatter.TryFormat(((uint)fact.Location * 40) + (uint)(mixed % 40), text[3..], out var digits);
        WriteOptional(text[..(3 + digits)]);
    }

    private void WriteCustomer(in GeneratedFact fact, ulong mixed)
    {
        var known = fact.Source == GeneratedSource.Ecom || (fact.Type == MovementType.Sale && mixed % 10 < 3);
        if (!known)
        {
            avro.WriteUnionIndex(0);
            return;
        }

        Span<byte> text = stackalloc byte[16];
        text[0] = (byte)'c';
        Utf8Formatter.TryFormat((uint)(mixed >> 20) % 500_000, text[1..], out _, new('x', 8));
        WriteOptional(text[..9]);
    }

    private void WriteAttributes(in GeneratedFact fact, ulong mixed)
    {
        Span<byte> text = stackalloc byte[16];
        if (fact.Flaw == FactFlaw.TooManyAttributes)
        {
            avro.WriteBlockStart(TooManyAttributes);
            for (var i = 0; i < TooManyAttributes; i++)
            {
                text[0] = (byte)'a';
                Utf8Formatter.TryFormat(i, text[1..], out var width);
                avro.WriteUtf8(text[..(1 + width)]);
                avro.WriteUtf8("1"u8);
            }
        }
        else if (fact.Source == GeneratedSource.Pos)
        {
            avro.WriteBlockStart(1);
            avro.WriteUtf8("till"u8);
            Utf8Formatter.TryFormat((uint)(mixed >> 40) % 24, text, out var digits);
            avro.WriteUtf8(text[..digits]);
        }

        avro.WriteBlockEnd();
    }

    private void WriteOptional(ReadOnlySpan<byte> text)
    {
        avro.WriteUnionIndex(text.IsEmpty ? 0 : 1);
        if (!text.IsEmpty)
        {
            avro.WriteUtf8(text);
        }
    }

    private void WriteOptional(long counted)
    {
        avro.WriteUnionIndex(counted < 0 ? 0 : 1);
        if (counted >= 0)
        {
            avro.WriteLong(counted);
        }
    }

    private void WriteDecimal(long tenThousandths)
    {
        avro.WriteUnionIndex(1);
        ReferenceEncoder.WriteDecimal(avro, tenThousandths);
    }

    private static long HashCodeOf(GeneratorOptions options)
    {
        Span<long> parts =
        [
            options.Seed, options.Skus, options.Locations, options.End.ToUnixTimeMilliseconds(), options.Events,
            BitConverter.DoubleToInt64Bits(options.SimulatedHours), BitConverter.DoubleToInt64Bits(options.ZipfExponent),
            BitConverter.DoubleToInt64Bits(options.DuplicateShare), BitConverter.DoubleToInt64Bits(options.InvalidShare),
            BitConverter.DoubleToInt64Bits(options.OutOfOrderShare),
        ];
        ulong hash = 0;
        foreach (var part in parts)
        {
            hash = SeededRandom.Mix(hash ^ (ulong)part);
        }

        return (long)hash;
    }
}
