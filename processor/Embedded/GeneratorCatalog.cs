using System.Globalization;
using System.Text;

namespace Stockflow.Embedded;

/// <summary>A promotion of the generated load: one run of SKUs, one stretch of event time.</summary>
/// <param name="Id">promo_id.</param>
/// <param name="StartsAt">Milliseconds since 1970-01-01 UTC, included.</param>
/// <param name="EndsAt">Milliseconds since 1970-01-01 UTC, excluded.</param>
/// <param name="Skus">Indices of its SKUs.</param>
/// <param name="DiscountPercent">Percent off the list price.</param>
/// <param name="Uplift">How many times more units a basket takes.</param>
public sealed record GeneratedPromotion(string Id, long StartsAt, long EndsAt, int[] Skus, int DiscountPercent, double Uplift)
{
    public bool IsActive(long ts) => ts >= StartsAt && ts < EndsAt;
}

/// <summary>The SKUs, locations, vendors and promotions that the generated events speak of. A function of the options alone.</summary>
public sealed class GeneratorCatalog
{
    /// <summary>Category code, name and price range in hundredths.</summary>
    internal static readonly (string Code, string Name, int LowestPrice, int HighestPrice)[] Categories =
    [
        ("GRO", "Grocery", 79, 1299), ("BEA", "Health and beauty", 199, 3999), ("HOM", "Home", 499, 12999),
        ("TOY", "Toys", 499, 7999), ("APP", "Apparel", 899, 14999), ("ELE", "Electronics", 999, 89999),
        ("GAR", "Garden", 299, 24999), ("SPO", "Sports", 699, 29999),
    ];

    private const int PromotionSkus = 12, UnstockedOneIn = 200, PricesPerUnit = 100;
    private readonly short[] promotionOfSku;

    public GeneratorCatalog(GeneratorOptions options)
    {
        options.Validate();
        Centres = Math.Max(1, options.Locations / 16);
        LocationIds = new byte[options.Locations][];
        for (var i = 0; i < options.Locations; i++)
        {
            var name = i < Centres ? $"DC-{i + 1:D2}" : $"ST-{i - Centres + 1:D4}";
            LocationIds[i] = Encoding.ASCII.GetBytes(name);
        }

        var random = new SeededRandom(unchecked((options.Seed * 31) + 7));
        SkuIds = new byte[options.Skus][];
        Prices = new long[options.Skus];
        Costs = new long[options.Skus];
        Stocked = new bool[options.Skus];
        promotionOfSku = new short[options.Skus];
        Array.Fill(promotionOfSku, (short)-1);
        for (var sku = 0; sku < options.Skus; sku++)
        {
            var (code, _, lowest, highest) = Categories[CategoryOf(sku)];
            // Services and fees exist in every assortment, but the best seller and a tiny catalog stay goods.
            Stocked[sku] = sku % UnstockedOneIn != UnstockedOneIn / 2;
            SkuIds[sku] = Encoding.ASCII.GetBytes((Stocked[sku] ? code : "SVC") + "-" + (sku + 1).ToString("D6", CultureInfo.InvariantCulture));
            var skew = random.Unit() * random.Unit();
            Prices[sku] = (lowest + (long)((highest - lowest) * skew)) * PricesPerUnit;
            Costs[sku] = Prices[sku] * random.Between(45, 75) / 100;
        }

        Vendors = Math.Max(3, options.Skus / 50);
        Promotions = MakePromotions(options, random);
    }

    /// <summary>UTF-8 of each sku_id.</summary>
    public byte[][] SkuIds { get; }

    /// <summary>UTF-8 of each location_id; the first <see cref="Centres"/> are distribution centres, the rest stores.</summary>
    public byte[][] LocationIds { get; }

    /// <summary>Number of distribution centres.</summary>
    public int Centres { get; }

    /// <summary>Number of vendors.</summary>
    public int Vendors { get; }

    /// <summary>List price and standard cost by SKU, ten-thousandths of the currency unit.</summary>
    public long[] Prices { get; }

    /// <summary>Standard cost by SKU, ten-thousandths of the currency unit.</summary>
    public long[] Costs { get; }

    /// <summary>False for services and fees, which have no position.</summary>
    public bool[] Stocked { get; }

    public IReadOnlyList<GeneratedPromotion> Promotions { get; }

    /// <summary>The promotion that a SKU belongs to, active or not; -1 for none.</summary>
    public int PromotionOf(int sku) => promotionOfSku[sku];

    public string SkuId(int sku) => Encoding.ASCII.GetString(SkuIds[sku]);

    public string LocationId(int location) => Encoding.ASCII.GetString(LocationIds[location]);

    internal static int CategoryOf(int sku) => (int)(SeededRandom.Mix((ulong)sku) % (ulong)Categories.Length);

    private GeneratedPromotion[] MakePromotions(GeneratorOptions options, SeededRandom random)
    {
        var end = options.End.ToUnixTimeMilliseconds();
        var span = options.SimulatedHours * 3_600_000;
        var promotions = new GeneratedPromotion[Math.Clamp(options.Skus / 60, 1, 500)];
        for (var i = 0; i < promotions.Length; i++)
        {
            var skus = new List<int>();
            for (var n = 0; n < PromotionSkus; n++)
            {
                var sku = random.Below(options.Skus);
                if (Stocked[sku] && promotionOfSku[sku] < 0)
                {
                    promotionOfSku[sku] = (short)i;
                    skus.Add(sku);
                }
            }

            // The first begins with the load, so that the first days to close have one at whatever time of day the load ends.
            var before = 0.3 + (0.7 * random.Unit());
            var starts = end - (long)(span * (i == 0 ? 1 : before));
            var lasts = (long)(span * (0.2 + (0.4 * random.Unit())));
            promotions[i] = new GeneratedPromotion($"PROMO-{i + 1:D3}", starts, starts + lasts, [.. skus], random.Between(2, 8) * 5, 1.3 + (random.Unit() * 1.7));
        }

        return promotions;
    }
}
