using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// A seeded retail load: what stores, distribution centres, the web shop and vendors report, in the order that it is sent.
/// Duplicates, events that are overtaken, late EDI messages, late counts and broken records are part of it.
/// The same options give the same facts for ever. Not thread-safe; about 0.3 us a fact and no allocation per fact.
/// </summary>
public sealed class Generator
{
    /// <summary>Furthest that a held event is sent after its time, in events: bounds the memory of an endless load.</summary>
    private const long LongestHold = 200_000;

    private const int Remembered = 512;
    private readonly GeneratorOptions options;
    private readonly SeededRandom random;
    private readonly GeneratorClock clock;
    private readonly RetailLife life;
    private readonly PriorityQueue<Held, long> held = new();
    private long heldCount, nextNumber;

    public Generator(GeneratorOptions options, GeneratorCatalog? catalog = null)
    {
        options.Validate();
        this.options = options;
        Catalog = catalog ?? new GeneratorCatalog(options);
        random = new SeededRandom(options.Seed);
        clock = new GeneratorClock(options);
        life = new RetailLife(Catalog, options, random, Remembered);
    }

    public GeneratorCatalog Catalog { get; }

    /// <summary>Facts made so far.</summary>
    public long Made { get; private set; }

    /// <summary>Event time that the load has reached, milliseconds since 1970-01-01 UTC.</summary>
    public long ClockTs => clock.Now;

    /// <summary>The next fact to send. False when <see cref="GeneratorOptions.Events"/> have been made.</summary>
    public bool TryNext(out GeneratedFact fact)
    {
        if (options.Events > 0 && Made >= options.Events)
        {
            Unsafe.SkipInit(out fact);
            return false;
        }

        clock.Tick(random);
        fact = Draw(out var again);
        if (!again && fact.Flaw == FactFlaw.None && random.Chance(options.DuplicateShare))
        {
            var late = random.Chance(0.3);
            Hold(fact, HoldKind.Again, late ? random.Between(1000, (int)LongestHold) : random.Between(1, 400));
        }

        Made++;
        return true;
    }

    private GeneratedFact Draw(out bool again)
    {
        again = false;
        while (true)
        {
            GeneratedFact fact;
            if (held.TryPeek(out _, out var due) && due >> 20 <= Made)
            {
                var next = held.Dequeue();
                fact = next.Fact;
                if (next.Kind == HoldKind.Happens)
                {
                    fact.Number = nextNumber++;
                    fact.EventTs = clock.Now;
                    fact.IngestTs = clock.Now;
                    life.Settle(in fact);
                }
                else if (next.Kind == HoldKind.Late)
                {
                    fact.IngestTs = clock.Now;
                }
                else
                {
                    // Half of the duplicates may come a third time.
                    again = random.Chance(0.5);
                }

                return fact;
            }

            fact = life.Imagine(clock.Now, nextNumber++);
            if (random.Chance(options.InvalidShare))
            {
                life.Spoil(ref fact, (FactFlaw)random.Between(1, FactFlaws.Kinds));
                return fact;
            }

            life.FollowUp(in fact, Follow);
            var delay = Lateness(in fact);
            if (delay == 0)
            {
                return fact;
            }

            Hold(fact, HoldKind.Late, delay);
        }
    }

    private void Follow(in GeneratedFact fact, double hours) => Hold(fact, HoldKind.Happens, 1 + clock.EventsIn(hours));

    /// <summary>How many events overtake this one; 0 for none.</summary>
    private long Lateness(in GeneratedFact fact)
    {
        var share = options.OutOfOrderShare;
        return (fact.Type, fact.Source) switch
        {
            (_, GeneratedSource.Edi) when random.Chance(share * 20) => 1 + clock.EventsIn(1 + (random.Unit() * 9)),
            (MovementType.CycleCount, _) when random.Chance(share * 6) => 1 + clock.EventsIn(0.5 + (random.Unit() * 6)),
            (_, GeneratedSource.Edi) => 0,
            _ when random.Chance(share) => random.Between(1, 2000),
            _ => 0,
        };
    }

    private void Hold(in GeneratedFact fact, HoldKind kind, long events)
    {
        // The low bits keep first in, first out among equals, so that the order does not rest on the heap's inner workings.
        var due = Made + Math.Clamp(events, 1, LongestHold);
        held.Enqueue(new Held(fact, kind), (due << 20) | (heldCount++ & 0xFFFFF));
    }

    private enum HoldKind : byte
    {
        /// <summary>Happens and is sent when it is due.</summary>
        Happens,

        /// <summary>Has happened; is sent when it is due.</summary>
        Late,

        /// <summary>Has been sent; is sent again.</summary>
        Again,
    }

    private readonly record struct Held(GeneratedFact Fact, HoldKind Kind);
}
