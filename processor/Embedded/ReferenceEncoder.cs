using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Stockflow.Avro;

namespace Stockflow.Embedded;

/// <summary>One record for a <c>reference.*</c> topic.</summary>
/// <param name="Topic">Its topic.</param>
/// <param name="Key">Message key.</param>
/// <param name="Value">Value in Confluent's wire format.</param>
public readonly record struct ReferenceRecord(string Topic, byte[] Key, byte[] Value);

/// <summary>Writes what the <c>reference.*</c> topics say of a generated catalog.</summary>
public static class ReferenceEncoder
{
    private static readonly string[] Countries = ["DE", "FR", "NL", "ES", "IT", "PL"];
    private static readonly string[] Adjectives = ["Classic", "Fresh", "Everyday", "Premium", "Light", "Family", "Compact", "Natural"];
    private static readonly string[] Brands = ["Alder", "Birch", "Cedar", "Dune", "Elm", "Fjord", "Grove", "Heath"];
    private static readonly string[] TopicNames =
        ["reference.sku", "reference.location", "reference.vendor", "reference.sku-vendor", "reference.promotion", "reference.calendar"];

    /// <summary>The topics, in the order in which their records are sent.</summary>
    public static IReadOnlyList<string> Topics => TopicNames;

    /// <summary>Every reference record of the load.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">The load's options.</param>
    /// <param name="schemaId">The registry's id of a record's schema by its name: <c>Sku</c>, <c>Location</c>, ...</param>
    public static IEnumerable<ReferenceRecord> Records(GeneratorCatalog catalog, GeneratorOptions options, Func<string, int> schemaId)
    {
        var since = options.End.AddHours(-options.SimulatedHours).AddDays(-30).ToUnixTimeMilliseconds();
        var avro = new AvroEncoder(512);
        var skuSchema = schemaId("Sku");
        for (var i = 0; i < catalog.SkuIds.Length; i++)
        {
            Begin(avro, skuSchema);
            WriteSku(avro, catalog, i, since);
            yield return new("reference.sku", catalog.SkuIds[i], avro.WrittenSpan.ToArray());
        }

        var locationSchema = schemaId("Location");
        for (var i = 0; i < catalog.LocationIds.Length; i++)
        {
            Begin(avro, locationSchema);
            WriteLocation(avro, catalog, i, since);
            yield return new("reference.location", catalog.LocationIds[i], avro.WrittenSpan.ToArray());
        }

        var vendorSchema = schemaId("Vendor");
        for (var i = 0; i < catalog.Vendors; i++)
        {
            Begin(avro, vendorSchema);
            WriteVendor(avro, VendorId(i), $"{Brands[i % Brands.Length]} Supply {i + 1}", since);
            yield return new("reference.vendor", Encoding.UTF8.GetBytes(VendorId(i)), avro.WrittenSpan.ToArray());
        }

        var termsSchema = schemaId("SkuVendor");
        for (var i = 0; i < catalog.SkuIds.Length; i++)
        {
            var vendor = VendorId((int)(SeededRandom.Mix((ulong)i + 99) % (ulong)catalog.Vendors));
            Begin(avro, termsSchema);
            WriteTerms(avro, catalog, i, vendor, since);
            yield return new("reference.sku-vendor", Encoding.UTF8.GetBytes($"{catalog.SkuId(i)}|{vendor}"), avro.WrittenSpan.ToArray());
        }

        var promotionSchema = schemaId("Promotion");
        foreach (var promotion in catalog.Promotions)
        {
            Begin(avro, promotionSchema);
            WritePromotion(avro, catalog, promotion, since);
            yield return new("reference.promotion", Encoding.UTF8.GetBytes(promotion.Id), avro.WrittenSpan.ToArray());
        }

        var daySchema = schemaId("CalendarDay");
        var first = DateOnly.FromDateTime(options.End.UtcDateTime).AddDays(-(int)(options.SimulatedHours / 24) - 7);
        for (var i = 0; i < (int)(options.SimulatedHours / 24) + 21; i++)
        {
            var day = first.AddDays(i);
            Begin(avro, daySchema);
            WriteDay(avro, day, since);
            yield return new("reference.calendar", Encoding.UTF8.GetBytes(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)), avro.WrittenSpan.ToArray());
        }
    }

    internal static void WriteVendor(AvroEncoder avro, string id, string name, long updatedAt)
    {
        avro.WriteString(id);
        avro.WriteString(name);
        WriteOptional(avro, Countries[id[^1] % Countries.Length]);
        avro.WriteLong(updatedAt);
    }

    /// <summary>An Avro decimal of scale 4: the shortest two's complement big-endian integer, as bytes.</summary>
    internal static void WriteDecimal(AvroEncoder avro, long tenThousandths)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, tenThousandths);
        var start = 0;
        while (start < 7 && ((bytes[start] == 0 && bytes[start + 1] < 0x80) || (bytes[start] == 0xFF && bytes[start + 1] >= 0x80)))
        {
            start++;
        }

        avro.WriteBytes(bytes[start..]);
    }

    private static void WriteSku(AvroEncoder avro, GeneratorCatalog catalog, int sku, long since)
    {
        var (_, category, _, _) = GeneratorCatalog.Categories[GeneratorCatalog.CategoryOf(sku)];
        var stocked = catalog.Stocked[sku];
        var mixed = (int)(SeededRandom.Mix((ulong)sku + 7) >> 40);
        avro.WriteUtf8(catalog.SkuIds[sku]);
        avro.WriteString(stocked ? $"{Adjectives[mixed % Adjectives.Length]} {category.ToLowerInvariant()} item {sku + 1}" : $"Service {sku + 1}");
        WriteOptional(avro, stocked ? category : "Services");
        WriteOptional(avro, stocked ? Brands[mixed / 8 % Brands.Length] : null);
        avro.WriteBoolean(stocked);
        avro.WriteString("EACH");
        avro.WriteUnionIndex(1);
        WriteDecimal(avro, catalog.Costs[sku]);
        WriteOptional(avro, sku < catalog.SkuIds.Length / 5 ? "A" : sku < catalog.SkuIds.Length / 2 ? "B" : "C");
        avro.WriteLong(since);
    }

    private static void WriteLocation(AvroEncoder avro, GeneratorCatalog catalog, int location, long since)
    {
        var isCentre = location < catalog.Centres;
        var mixed = SeededRandom.Mix((ulong)location + 1234);
        avro.WriteUtf8(catalog.LocationIds[location]);
        avro.WriteString(isCentre ? $"Distribution centre {location + 1}" : $"Store {location - catalog.Centres + 1}");
        avro.WriteInt(isCentre ? 2 : 1);
        WriteOptional(avro, Countries[(int)(mixed % (ulong)Countries.Length)]);
        avro.WriteUnionIndex(1);
        avro.WriteDouble(40 + (mixed >> 8) % 1400 / 100.0);
        avro.WriteUnionIndex(1);
        avro.WriteDouble(-4 + (mixed >> 24) % 2400 / 100.0);
        avro.WriteString("Europe/Berlin");
        avro.WriteLong(since);
    }

    private static void WriteTerms(AvroEncoder avro, GeneratorCatalog catalog, int sku, string vendor, long since)
    {
        var mixed = SeededRandom.Mix((ulong)sku + 4321);
        avro.WriteUtf8(catalog.SkuIds[sku]);
        avro.WriteString(vendor);
        avro.WriteDouble(3 + mixed % 18);
        avro.WriteDouble(0.5 + (mixed >> 8) % 40 / 10.0);
        avro.WriteLong(12 * (1 + (long)((mixed >> 16) % 8)));
        avro.WriteLong(12);
        avro.WriteUnionIndex(1);
        WriteDecimal(avro, catalog.Costs[sku]);
        WriteOptional(avro, "EUR");
        avro.WriteLong(since);
    }

    private static void WritePromotion(AvroEncoder avro, GeneratorCatalog catalog, GeneratedPromotion promotion, long since)
    {
        avro.WriteString(promotion.Id);
        avro.WriteString($"{promotion.DiscountPercent}% off");
        avro.WriteLong(promotion.StartsAt);
        avro.WriteLong(promotion.EndsAt);
        if (promotion.Skus.Length > 0)
        {
            avro.WriteBlockStart(promotion.Skus.Length);
            foreach (var sku in promotion.Skus)
            {
                avro.WriteUtf8(catalog.SkuIds[sku]);
            }
        }

        avro.WriteBlockEnd();
        avro.WriteBlockEnd();
        avro.WriteUnionIndex(1);
        avro.WriteDouble(promotion.DiscountPercent);
        avro.WriteLong(since);
    }

    private static void WriteDay(AvroEncoder avro, DateOnly day, long since)
    {
        avro.WriteInt(day.DayNumber - new DateOnly(1970, 1, 1).DayNumber);
        avro.WriteInt(day.Year);
        avro.WriteInt(((day.DayOfYear - 1) / 7) + 1);
        avro.WriteInt(day.Month);
        WriteOptional(avro, (day.Month, day.Day) switch { (1, 1) => "New Year", (12, 25) => "Christmas", (12, 26) => "Boxing Day", _ => null });
        avro.WriteLong(since);
    }

    private static void Begin(AvroEncoder avro, int schema)
    {
        Span<byte> header = stackalloc byte[5];
        header[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], schema);
        avro.Clear();
        avro.WriteFixed(header);
    }

    private static void WriteOptional(AvroEncoder avro, string? text)
    {
        avro.WriteUnionIndex(text is null ? 0 : 1);
        if (text is not null)
        {
            avro.WriteString(text);
        }
    }

    private static string VendorId(int vendor) => $"V-{vendor + 1:D4}";
}
