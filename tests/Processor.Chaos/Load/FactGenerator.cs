namespace Stockflow.Chaos.Load;

/// <summary>What comes next: a message to send, or a SKU to announce before the next message.</summary>
internal readonly record struct Step(Fact? Fact, string? NewSku);

/// <summary>
/// Events of every kind with the trouble that real sources make: duplicates near and far, late and out-of-order times, equal times,
/// counts in order and late, services, SKUs that are announced on the way, and broken records. The same seed gives the same events.
/// </summary>
internal sealed class FactGenerator
{
    private const int Skus = 240, Locations = 10, EventsPerNewSku = 4000, Remembered = 50_000;
    private const double DuplicateShare = 0.06, BrokenShare = 0.03, CountShare = 0.03;
    private readonly SeededRandom random;
    private readonly BrokenFacts broken;
    private readonly List<string> skus = [];
    private readonly HashSet<string> services = [];
    private readonly List<Fact> sent = [];
    private readonly long startTs;
    private readonly string run;
    private long made;
    private (string Sku, string Location, long Ts)? twinCount;

    public FactGenerator(long seed, int partitions, DateTimeOffset now)
    {
        random = new SeededRandom(seed ^ 0x10AD);
        run = $"{seed:x}";
        startTs = now.AddHours(-2).ToUnixTimeMilliseconds();
        for (var i = 0; i < Skus; i++)
        {
            skus.Add($"SKU-{i:000}");
            if (i % 20 == 7)
            {
                services.Add(skus[i]);
            }
        }

        LocationIds = [.. Enumerable.Range(0, Locations).Select(i => $"L-{i:00}")];
        broken = new BrokenFacts(random.Fork(), partitions);
    }

    public IReadOnlyList<string> LocationIds { get; }

    /// <summary>The SKUs that are announced before the load.</summary>
    public IReadOnlyList<(string Id, bool IsStocked)> FirstSkus => [.. skus.Take(Skus).Select(sku => (sku, !services.Contains(sku)))];

    public Step Next()
    {
        made++;
        if (made % EventsPerNewSku == 0)
        {
            skus.Add($"NEW-{made / EventsPerNewSku:0000}");
            return new Step(null, skus[^1]);
        }

        if (sent.Count > 0 && random.Chance(DuplicateShare))
        {
            // Half of them follow at once, as a producer's retry does; the others come from anywhere in what is remembered.
            var back = random.Chance(0.5) ? random.Below(Math.Min(sent.Count, 20)) : random.Below(sent.Count);
            return new Step(sent[sent.Count - 1 - back], null);
        }

        var fact = Complete(Valid());
        if (random.Chance(BrokenShare))
        {
            // A broken record may carry the id of one that is valid and comes later or was there before: it must not count as seen.
            var other = random.Chance(0.2) && sent.Count > 0 ? sent[random.Below(sent.Count)] : fact;
            fact = broken.Break(other.Reject is null ? fact with { EventId = other.EventId } : fact);
        }

        sent.Add(fact);
        if (sent.Count > 2 * Remembered)
        {
            sent.RemoveRange(0, Remembered);
        }

        return new Step(fact, null);
    }

    private Fact Valid()
    {
        // A few SKUs are hot, the newest one among them.
        var sku = random.Chance(0.05) ? skus[^1] : random.Chance(0.3) ? skus[random.Below(8)] : random.Pick(skus);
        var location = random.Pick(LocationIds);
        var ts = EventTs();
        if (twinCount is { } twin)
        {
            // Two counts of one position at one instant: the larger one stands.
            twinCount = null;
            return Count(twin.Sku, twin.Location, twin.Ts);
        }

        if (random.Chance(CountShare))
        {
            if (random.Chance(0.2))
            {
                twinCount = (sku, location, ts);
            }

            return Count(sku, location, ts);
        }

        var units = random.Between(1, 9);
        return random.Below(100) switch
        {
            < 46 => Make(Kind.SALE, -units),
            < 50 => Make(Kind.RETURN, units),
            < 58 => Make(Kind.RECEIPT, units * 5),
            < 63 => Make(Kind.TRANSFER_OUT, -units) with { Counterpart = Other(location) },
            < 68 => Make(Kind.TRANSFER_IN, units) with { Counterpart = Other(location) },
            < 73 => Make(Kind.ADJUSTMENT, random.Chance(0.5) ? units : -units),
            < 75 => Make(Kind.RTV, -units),
            < 79 => Make(Kind.DAMAGE, random.Chance(0.8) ? -units : units),
            < 86 => Make(Kind.RESERVE, -units),
            < 90 => Make(Kind.RELEASE, units),
            < 96 => Make(Kind.SHIP, -units),
            _ => Correction(sku, location, ts),
        };

        Fact Make(Kind kind, long quantity) => New(sku, location, ts, kind, quantity);
    }

    // Of anything: counts, transfers, other corrections; of what was sent, or of what will be, or of nothing at all. 0 units void it.
    private Fact Correction(string sku, string location, long ts)
    {
        var units = random.Chance(0.3) ? 0 : random.Between(-9, 9);
        var target = sent.Count == 0 || random.Chance(0.2) ? null : sent[sent.Count - 1 - random.Below(Math.Min(sent.Count, random.Chance(0.5) ? 40 : sent.Count))];
        if (target is not { Reject: null })
        {
            return New(sku, location, ts, Kind.CORRECTION, units) with { Corrects = $"e-{run}-{made + random.Between(-400, 40)}" };
        }

        return New(target.Sku, target.Location, ts, Kind.CORRECTION, units) with { Corrects = target.EventId };
    }

    private Fact Count(string sku, string location, long ts) =>
        New(sku, location, ts, Kind.CYCLE_COUNT, 0) with { Counted = random.Between(0, 500) };

    private Fact New(string sku, string location, long ts, Kind kind, long quantity) => new()
    {
        EventId = $"e-{run}-{made}",
        EventTs = ts,
        Sku = sku,
        Location = location,
        Kind = kind,
        Quantity = quantity,
        IsStocked = !services.Contains(sku),
    };

    private Fact Complete(Fact fact) => fact with
    {
        Key = FactEncoder.Bytes(fact.Sku),
        Value = FactEncoder.Movement(
            fact, $"R-{made % 977}",
            source: (made % 3) switch { 0 => "POS", 1 => "ECOM", _ => "WMS" },
            currency: fact.Kind == Kind.SALE ? "GBP" : null,
            price: fact.Kind == Kind.SALE ? 12_345 : null,
            corrects: fact.Corrects,
            attributes: random.Chance(0.05) ? random.Below(4) : 0),
        Trace = random.Chance(0.1) ? $"t-{made}" : null,
    };

    // In order by the second, so that many are equal; a part of them late by seconds to minutes, few by days, and across a month.
    private long EventTs()
    {
        var ts = (startTs + (made * 2)) / 1000 * 1000;
        return random.Below(100) switch
        {
            < 80 => ts,
            < 92 => ts - random.Between(0, 30) * 1000,
            < 98 => ts - random.Between(0, 600_000),
            < 99 => ts - random.Between(0, 3 * 86_400_000L),
            _ => ts - random.Between(0, 40 * 86_400_000L),
        };
    }

    private string Other(string location)
    {
        var other = random.Pick(LocationIds);
        return other == location ? LocationIds[(LocationIds.ToList().IndexOf(location) + 1) % Locations] : other;
    }
}
