using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Rows of the ledger's pages and their order: the latest event first, of one instant by topic, partition and falling offset.</summary>
internal static class LedgerRows
{
    public static LedgerEntry Entry(ClickHouseRow row) => new()
    {
        Topic = row.Get<string>(0)!,
        Partition = row.Get<int>(1),
        Offset = row.Get<long>(2),
        EventId = row.Get<string>(3)!,
        EventTs = row.Get<long>(4),
        RecordedTs = row.Get<long>(5),
        SkuId = row.Get<string>(6)!,
        LocationId = row.Get<string>(7)!,
        CounterpartId = row.Get<string>(8)!,
        MovementType = row.Get<string>(9)!,
        Quantity = row.Get<long>(10),
        Counted = row.Get<long?>(11),
        UnitPrice = row.Get<decimal?>(12),
        Currency = row.Get<string>(13)!,
        SourceSystem = row.Get<string>(14)!,
        ReferenceId = row.Get<string>(15)!,
        Stocked = row.Get<int>(16) != 0,
    };

    /// <summary>Whether an entry comes behind a place. Effects follow their movement by the correction's id.</summary>
    public static bool IsBehind(LedgerEntry entry, LedgerPlace place) =>
        (entry.EventTs, entry.Topic, entry.Partition, entry.Offset) != (place.EventTs, place.Topic, place.Partition, place.Offset)
        || (entry.Counted is null && string.CompareOrdinal(entry.EffectOf, place.EffectOf) > 0 && entry.MovementType != MovementType.CycleCount.Name());
}
