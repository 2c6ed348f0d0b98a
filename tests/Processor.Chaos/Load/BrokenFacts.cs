namespace Stockflow.Chaos.Load;

/// <summary>Breaks a valid fact in one of the ways that the processor must notice, and says under which reason.</summary>
internal sealed class BrokenFacts(SeededRandom random, int partitions)
{
    private const long TwoDays = 2 * 86_400_000L, Year1980 = 315_532_800_000;
    private const int Ways = 26;
    private int next;

    public Fact Break(Fact fact)
    {
        // In turn, so that a short run has every way.
        var id = fact.EventId;
        return (next++ % Ways) switch
        {
            0 => Raw(fact, "avro_malformed", Cut(fact)),
            1 => Raw(fact, "wire_format", [5, .. fact.Value!.AsSpan(1)]),
            2 => Raw(fact, "wire_format", fact.Value![..3]),
            3 => Raw(fact, "wire_format", null),
            4 => Encoded(fact, "unknown_schema", schema: FactEncoder.UnknownSchema),
            5 => Encoded(fact, "wrong_record", schema: FactEncoder.OtherSchema),
            6 => Encoded(fact with { Kind = Kind.UNKNOWN }, "unknown_movement_type"),
            7 => Encoded(fact with { Kind = Kind.SALE, Quantity = 3 }, "quantity_sign"),
            8 => Encoded(fact with { Kind = Kind.RECEIPT, Quantity = 0 }, "quantity_sign"),
            9 => Encoded(fact with { Kind = Kind.ADJUSTMENT, Quantity = -1_000_001 }, "quantity_range"),
            10 => Encoded(fact with { Kind = Kind.CYCLE_COUNT, Quantity = 0, Counted = null }, "count_missing"),
            11 => Encoded(fact with { Kind = Kind.CYCLE_COUNT, Quantity = 0, Counted = -1 }, "count_missing"),
            12 => Encoded(fact with { Kind = Kind.CORRECTION }, "correction_target"),
            13 => Encoded(fact with { Kind = Kind.TRANSFER_OUT, Quantity = -2, Counterpart = null }, "counterpart_missing"),
            14 => Encoded(fact with { Kind = Kind.TRANSFER_IN, Quantity = 2, Counterpart = fact.Location }, "counterpart_missing"),
            15 => Encoded(Sale(fact) with { EventTs = Year1980 }, "time_range"),
            16 => Encoded(Sale(fact) with { EventTs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + TwoDays }, "time_future"),
            17 => Encoded(Sale(fact), "currency", currency: "gbp"),
            18 => Encoded(Sale(fact), "attributes", attributes: 33),
            19 => Encoded(Sale(fact) with { EventId = "" }, "missing_id"),
            20 => Encoded(Sale(fact) with { EventId = id + " " }, "bad_id"),
            21 => Encoded(Sale(fact) with { Location = "" }, "missing_id"),
            22 => Encoded(Sale(fact) with { Sku = "GHOST-" + random.Below(50) }, "unknown_sku"),
            23 => Encoded(Sale(fact) with { Location = "NOWHERE-" + random.Below(50) }, "unknown_location"),
            24 => Encoded(Sale(fact), "key_mismatch") with { Key = random.Chance(0.5) ? FactEncoder.Bytes("SKU-000-wrong") : null },
            _ => WrongPartition(fact),
        };
    }

    private static Fact Sale(Fact fact) => fact with { Kind = Kind.SALE, Quantity = -1, Counted = null, Counterpart = null };

    private static Fact Raw(Fact fact, string reason, byte[]? value) => fact with { Value = value, Reject = reason };

    private static Fact Encoded(Fact fact, string reason, int schema = 1, string? currency = null, int attributes = 0) => fact with
    {
        Key = FactEncoder.Bytes(fact.Sku),
        Value = FactEncoder.Movement(fact, "broken", schema: schema, currency: currency, attributes: attributes),
        Reject = reason,
    };

    private byte[] Cut(Fact fact) => fact.Value![..(6 + random.Below(fact.Value!.Length - 6))];

    // Valid in all but the partition; murmur2 sends the key elsewhere.
    private Fact WrongPartition(Fact fact)
    {
        if (partitions == 1)
        {
            return Encoded(Sale(fact), "currency", currency: "gbp");
        }

        var right = Murmur2.Partition(FactEncoder.Bytes(fact.Sku), partitions);
        return Encoded(Sale(fact), "key_mismatch") with { WrongPartition = (right + 1 + random.Below(partitions - 1)) % partitions };
    }
}
