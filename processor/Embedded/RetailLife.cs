using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>What happens next in the generated shops. Draws from the generator's random numbers; not thread-safe.</summary>
internal sealed class RetailLife
{
    private const double OversellShare = 0.03, PromotionShare = 0.08;
    private const int Tries = 4;
    private readonly GeneratorCatalog catalog;
    private readonly SeededRandom random;
    private readonly GeneratorStock stock;
    private readonly ZipfSampler skus, stores;
    private readonly GeneratedFact[] sales;
    private readonly GeneratedFact[] counts;
    private long saleCount, countCount;
    private long now, number;
    private GeneratedFact waitingSale;
    private bool saleWaits;

    public RetailLife(GeneratorCatalog catalog, GeneratorOptions options, SeededRandom random, int remembered)
    {
        this.catalog = catalog;
        this.random = random;
        stock = new GeneratorStock(options.Skus, options.Locations);
        skus = new ZipfSampler(options.Skus, options.ZipfExponent);
        stores = new ZipfSampler(options.Locations - catalog.Centres, 0.4);
        sales = new GeneratedFact[remembered];
        counts = new GeneratedFact[64];
    }

    /// <summary>Hands on a fact that happens <paramref name="hours"/> of event time later.</summary>
    public delegate void Later(in GeneratedFact fact, double hours);

    /// <summary>A new fact at this event time.</summary>
    public GeneratedFact Imagine(long eventTs, long factNumber)
    {
        now = eventTs;
        number = factNumber;
        saleWaits = false;
        return random.Below(1000) switch
        {
            < 760 => Sale(),
            < 805 => Return(),
            < 905 => Reserve(),
            < 930 => Adjustment(),
            < 940 => Damage(),
            < 952 => Count(),
            < 954 => Recount(),
            < 960 => ReturnToVendor(),
            < 966 => Correction(),
            < 985 => Delivery(),
            _ => Sale(),
        };
    }

    /// <summary>What a fact that was just imagined leads to.</summary>
    public void FollowUp(in GeneratedFact fact, Later later)
    {
        if (saleWaits)
        {
            later(in waitingSale, 0);
        }

        if (fact.Type == MovementType.TransferOut)
        {
            var arrival = fact;
            arrival.Type = MovementType.TransferIn;
            (arrival.Location, arrival.Counterpart) = (fact.Counterpart, fact.Location);
            // Now and then a unit is lost on the way and stays in transit until somebody asks.
            arrival.Qty = Math.Max(1, -fact.Qty - (random.Chance(0.02) ? 1 : 0));
            later(in arrival, 2 + (random.Unit() * 16));
        }
        else if (fact.Type == MovementType.Reserve)
        {
            var outcome = fact;
            var shipped = random.Chance(0.82);
            outcome.Type = shipped ? MovementType.Ship : MovementType.Release;
            outcome.Source = shipped ? GeneratedSource.Wms : GeneratedSource.Ecom;
            outcome.Qty = shipped ? fact.Qty : -fact.Qty;
            later(in outcome, 0.5 + (random.Unit() * 11));
        }
    }

    /// <summary>Takes note that a fact handed on earlier has now happened.</summary>
    public void Settle(in GeneratedFact fact)
    {
        if (fact.Type is MovementType.TransferIn)
        {
            stock.Units(fact.Sku, fact.Location) += (int)fact.Qty;
            stock.SetReplenishing(fact.Sku, fact.Location, false);
        }
        else if (fact.Type is MovementType.Ship)
        {
            stock.Units(fact.Sku, fact.Location) += (int)fact.Qty;
        }
    }

    /// <summary>Makes a record that must be refused out of a good one.</summary>
    public void Spoil(ref GeneratedFact fact, FactFlaw flaw)
    {
        // The movement that the shop did not see leaves its idea of the stock wrong only until the next count.
        fact = New(MovementType.Sale, fact.Sku, fact.Location, -random.Between(1, 3), GeneratedSource.Pos);
        FactFlaws.Apply(ref fact, flaw, random);
    }

    private GeneratedFact Sale()
    {
        var (sku, store) = (0, 0);
        for (var i = 0; i < Tries; i++)
        {
            (sku, store) = (DrawSaleSku(), DrawStore());
            var sale = MakeSale(sku, store);
            if (!catalog.Stocked[sku])
            {
                return sale;
            }

            ref var units = ref stock.Units(sku, store);
            if (!stock.Open(sku, store))
            {
                var opening = OpeningUnits(sku);
                units = opening + (int)sale.Qty;
                waitingSale = sale;
                saleWaits = true;
                return New(MovementType.Adjustment, sku, store, opening, GeneratedSource.Wms);
            }

            if (units + sale.Qty >= 0 || random.Chance(OversellShare))
            {
                units += (int)sale.Qty;
                Remember(sales, ref saleCount, in sale);
                return sale;
            }

            if (!stock.IsReplenishing(sku, store))
            {
                return Replenish(sku, store);
            }
        }

        return Receipt(sku, store, 12, 60);
    }

    private GeneratedFact MakeSale(int sku, int store)
    {
        var qty = 1;
        while (qty < 6 && random.Chance(0.25))
        {
            qty++;
        }

        var promotion = catalog.PromotionOf(sku);
        if (promotion >= 0 && !catalog.Promotions[promotion].IsActive(now))
        {
            promotion = -1;
        }

        if (promotion >= 0)
        {
            qty = (int)Math.Ceiling(qty * catalog.Promotions[promotion].Uplift);
        }

        var sale = New(MovementType.Sale, sku, store, -qty, GeneratedSource.Pos);
        sale.Promotion = promotion;
        return sale;
    }

    private GeneratedFact Replenish(int sku, int store)
    {
        var centre = store % catalog.Centres;
        ref var units = ref stock.Units(sku, centre);
        var qty = 12 * random.Between(1, 5);
        if (!stock.Open(sku, centre) || units < qty)
        {
            return Receipt(sku, centre, 200, 1200);
        }

        units -= qty;
        stock.SetReplenishing(sku, store, true);
        var transfer = New(MovementType.TransferOut, sku, centre, -qty, GeneratedSource.Wms);
        transfer.Counterpart = store;
        return transfer;
    }

    private GeneratedFact Receipt(int sku, int location, int least, int most)
    {
        var qty = random.Between(least, most);
        stock.Units(sku, location) += qty;
        return New(MovementType.Receipt, sku, location, qty, GeneratedSource.Edi);
    }

    private GeneratedFact Delivery() => Receipt(DrawStocked(), random.Below(catalog.Centres), 48, 600);

    private GeneratedFact Return()
    {
        if (!Recall(sales, saleCount, out var sale))
        {
            return Sale();
        }

        var store = random.Chance(0.9) ? sale.Location : DrawStore();
        var qty = random.Between(1, (int)-sale.Qty);
        stock.Units(sale.Sku, store) += qty;
        return New(MovementType.Return, sale.Sku, store, qty, GeneratedSource.Pos) with { Promotion = sale.Promotion };
    }

    private GeneratedFact Reserve()
    {
        var sku = DrawStocked();
        var location = random.Chance(0.7) ? random.Below(catalog.Centres) : DrawStore();
        var qty = random.Between(1, 3);
        var opened = stock.Open(sku, location);
        return !opened || stock.Units(sku, location) < qty
            ? Receipt(sku, location, location < catalog.Centres ? 200 : 12, location < catalog.Centres ? 1200 : 60)
            : New(MovementType.Reserve, sku, location, -qty, GeneratedSource.Ecom);
    }

    private GeneratedFact Adjustment()
    {
        var (sku, location) = (DrawStocked(), random.Below(catalog.LocationIds.Length));
        var qty = random.Between(1, 4) * (random.Chance(0.7) ? -1 : 1);
        stock.Units(sku, location) += qty;
        return New(MovementType.Adjustment, sku, location, qty, GeneratedSource.Wms);
    }

    private GeneratedFact Damage() => New(MovementType.Damage, DrawStocked(), DrawStore(), -random.Between(1, 3), GeneratedSource.Wms);

    private GeneratedFact Count()
    {
        var (sku, location) = (DrawStocked(), random.Below(catalog.LocationIds.Length));
        ref var units = ref stock.Units(sku, location);
        units = Math.Max(0, units + (random.Chance(0.6) ? 0 : random.Between(-4, 2)));
        stock.Open(sku, location);
        var count = New(MovementType.CycleCount, sku, location, 0, GeneratedSource.Wms) with { CountedQty = units };
        Remember(counts, ref countCount, in count);
        return count;
    }

    /// <summary>Something at the very instant of a recent count: a second count of the same shelf, or a sale that the count includes.</summary>
    private GeneratedFact Recount()
    {
        if (!Recall(counts, countCount, out var count))
        {
            return Count();
        }

        var twin = random.Chance(0.5)
            ? New(MovementType.CycleCount, count.Sku, count.Location, 0, GeneratedSource.Wms) with { CountedQty = Math.Max(0, count.CountedQty + random.Between(-3, 3)) }
            : New(MovementType.Sale, count.Sku, count.Location, -1, GeneratedSource.Pos);
        twin.EventTs = count.EventTs;
        return twin;
    }

    private GeneratedFact ReturnToVendor()
    {
        var (sku, centre) = (DrawStocked(), random.Below(catalog.Centres));
        var qty = random.Between(1, 12);
        stock.Units(sku, centre) -= qty;
        return New(MovementType.Rtv, sku, centre, -qty, GeneratedSource.Edi);
    }

    private GeneratedFact Correction()
    {
        if (!Recall(sales, saleCount, out var sale))
        {
            return Sale();
        }

        stock.Units(sale.Sku, sale.Location) -= (int)sale.Qty;
        return New(MovementType.Correction, sale.Sku, sale.Location, -sale.Qty, GeneratedSource.Pos) with { Corrects = sale.Number };
    }

    private int DrawSaleSku()
    {
        if (random.Chance(PromotionShare))
        {
            var promotion = catalog.Promotions[random.Below(catalog.Promotions.Count)];
            if (promotion.IsActive(now) && promotion.Skus.Length > 0)
            {
                return promotion.Skus[random.Below(promotion.Skus.Length)];
            }
        }

        return skus.Draw(random);
    }

    private int DrawStocked()
    {
        while (true)
        {
            var sku = skus.Draw(random);
            if (catalog.Stocked[sku])
            {
                return sku;
            }
        }
    }

    private int DrawStore() => catalog.Centres + stores.Draw(random);

    private int OpeningUnits(int sku) => random.Between(6, 40) + (sku < 200 ? 40 : 0);

    private GeneratedFact New(MovementType type, int sku, int location, long qty, GeneratedSource source) => new()
    {
        Number = number,
        EventTs = now,
        IngestTs = now,
        Sku = sku,
        Location = location,
        Counterpart = -1,
        Promotion = -1,
        Corrects = -1,
        CountedQty = -1,
        Type = type,
        Source = source,
        Qty = qty,
    };

    private static void Remember(GeneratedFact[] ring, ref long count, in GeneratedFact fact) => ring[count++ % ring.Length] = fact;

    private bool Recall(GeneratedFact[] ring, long count, out GeneratedFact fact)
    {
        fact = count == 0 ? default : ring[random.Below((int)Math.Min(count, ring.Length))];
        return count > 0;
    }
}
