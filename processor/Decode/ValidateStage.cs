using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// Applies the <see cref="ValidationRules"/>, gives ids their numbers and checks them against the reference data. An id that is not known
/// is looked up again after the reference topics have been read to their end as of now, so a SKU that was announced before its first
/// movement is always found. What is sound and yet held by a rule on the data's quality is rejected last.
/// </summary>
public sealed class ValidateStage(
    DecodeOptions options, ReferenceCatalog catalog, Func<CancellationToken, Task> refreshCatalog, int partition, int partitions, TimeProvider time, Quarantine? quarantine = null)
{
    public const string StageName = "validate";

    /// <summary>Bound on distinct ids of a lane, against producers that make them up.</summary>
    private const int MaximumIds = 16_000_000;

    /// <summary>Bound on distinct source systems of a lane: each has a watermark.</summary>
    private const int MaximumSources = 256;

    private const int RecentSources = 64;

    /// <summary>How many records before its own a SKU is fetched: the table of a lane does not fit the near caches.</summary>
    private const int Ahead = 4;
    private readonly HashSet<int> sources = [];
    private readonly int[] recentSources = new int[RecentSources];
    private readonly List<int> unknown = [];

    public async ValueTask ApplyAsync(RecordBatch batch, CancellationToken token)
    {
        unknown.Clear();
        ApplyRules(batch);
        if (unknown.Count > 0)
        {
            await refreshCatalog(token);
            CheckAgain(batch);
        }

        quarantine?.Apply(batch, StageName);
    }

    private void CheckAgain(RecordBatch batch)
    {
        foreach (var i in unknown)
        {
            if (TryNumber(batch, ref batch.Movements[i]))
            {
                CheckPlace(batch, i);
            }
            else
            {
                RejectUnknown(batch, i);
            }
        }
    }

    private void ApplyRules(RecordBatch batch)
    {
        var context = new RuleContext(options, time.GetUtcNow().ToUnixTimeMilliseconds());
        for (var i = 0; i < batch.Count; i++)
        {
            if (i + Ahead < batch.Count)
            {
                batch.Ids.Prefetch(batch.Bytes(batch.Records[i + Ahead].Key));
            }

            if (batch.Verdicts[i] != Verdict.Pending)
            {
                continue;
            }

            ref var movement = ref batch.Movements[i];
            if (TryTake(batch, ref movement, batch.Records[i].Key, context))
            {
                continue;
            }

            if (BrokenRule(movement, batch, context) is { } rule)
            {
                batch.Reject(i, StageName, rule.Reason, rule.Describe(movement, batch, options));
            }
            else if (!batch.Bytes(batch.Records[i].Key).SequenceEqual(batch.Bytes(movement.SkuId)))
            {
                batch.Reject(i, StageName, RejectReason.KeyMismatch, "The message key is not the sku_id; key by sku_id, so that all events of a SKU stay in order.");
            }
            else if (!TryNumber(batch, ref movement))
            {
                unknown.Add(i);
            }
            else
            {
                CheckPlace(batch, i);
            }
        }
    }

    // Good movements of ids that passed the rules before: nearly all of them. What it does not take goes through the rules one by one.
    private bool TryTake(RecordBatch batch, ref Movement movement, Slice key, in RuleContext context)
    {
        var arena = batch.Arena;
        var ids = batch.Ids;
        if (!GoodMovement.IsGood(movement, arena, context) || key.Length != movement.SkuId.Length || ids.Count > MaximumIds)
        {
            return false;
        }

        var skuId = arena.AsSpan(movement.SkuId.Start, movement.SkuId.Length);
        if (!skuId.SequenceEqual(arena.AsSpan(key.Start, key.Length)))
        {
            return false;
        }

        var sku = ids.Find(skuId);
        var location = ids.Find(arena.AsSpan(movement.LocationId.Start, movement.LocationId.Length));
        var source = ids.Find(arena.AsSpan(movement.SourceSystem.Start, movement.SourceSystem.Length));
        if ((sku | location | source) < 0 || !IsRecentSource(source))
        {
            return false;
        }

        var flags = ids.Flags(sku);
        if ((flags & (IdTable.KnownSku | IdTable.Foreign)) != IdTable.KnownSku || (ids.Flags(location) & IdTable.KnownLocation) == 0)
        {
            return false;
        }

        var counterpart = -1;
        if (movement.CounterpartId.IsPresent)
        {
            counterpart = ids.Find(batch.Bytes(movement.CounterpartId));
            if (counterpart < 0 || counterpart == location || (ids.Flags(counterpart) & IdTable.KnownLocation) == 0)
            {
                return false;
            }
        }

        movement.Sku = sku;
        movement.Location = location;
        movement.Counterpart = counterpart;
        movement.Source = source;
        movement.Stocked = (flags & IdTable.NotStocked) == 0;
        return true;
    }

    private void CheckPlace(RecordBatch batch, int i)
    {
        ref var movement = ref batch.Movements[i];
        if (movement.Source < 0)
        {
            batch.Reject(i, StageName, RejectReason.BadId, $"source_system is one more than the {MaximumSources} that a partition may have.");
        }
        else if ((batch.Ids.Flags(movement.Sku) & IdTable.Foreign) != 0)
        {
            batch.Reject(i, StageName, RejectReason.KeyMismatch,
                $"The sku_id belongs to partition {Murmur2.Partition(batch.Bytes(movement.SkuId), partitions)} of {partitions}, not to {partition}; produce with the murmur2 partitioner (librdkafka: partitioner=murmur2_random).");
        }
    }

    private static Rule? BrokenRule(in Movement movement, RecordBatch batch, in RuleContext context)
    {
        foreach (var rule in ValidationRules.All)
        {
            if (rule.IsBroken(movement, batch, context))
            {
                return rule;
            }
        }

        return null;
    }

    // False if an id is not in the reference data. Unknown ids take no number, so they can not fill the table.
    private bool TryNumber(RecordBatch batch, ref Movement movement)
    {
        var ids = batch.Ids;
        if (ids.Count > MaximumIds)
        {
            throw new InvalidOperationException($"Partition {partition} has met more than {MaximumIds} different ids.");
        }

        movement.Sku = Number(ids, batch.Bytes(movement.SkuId), isSku: true);
        movement.Location = Number(ids, batch.Bytes(movement.LocationId), isSku: false);
        movement.Counterpart = movement.CounterpartId.IsPresent ? Number(ids, batch.Bytes(movement.CounterpartId), isSku: false) : -1;
        if (movement.Sku < 0 || movement.Location < 0 || (movement.CounterpartId.IsPresent && movement.Counterpart < 0))
        {
            return false;
        }

        movement.Stocked = (ids.Flags(movement.Sku) & IdTable.NotStocked) == 0;
        movement.Source = SourceNumber(ids, batch.Bytes(movement.SourceSystem));
        return true;
    }

    // Flags are by id, whatever kind it is: one text may name a SKU and a location, so each kind has bits of its own.
    private int Number(IdTable ids, ReadOnlySpan<byte> id, bool isSku)
    {
        var known = isSku ? IdTable.KnownSku : IdTable.KnownLocation;
        var number = ids.Find(id);
        if (number >= 0 && (ids.Flags(number) & known) != 0)
        {
            return number;
        }

        var stocked = true;
        if (options.RequireKnownIds)
        {
            var text = System.Text.Encoding.UTF8.GetString(id);
            if (isSku ? !catalog.TryGetSku(text, out stocked) : !catalog.HasLocation(text))
            {
                return -1;
            }
        }

        number = ids.Intern(id);
        var foreign = isSku && Murmur2.Partition(id, partitions) != partition;
        ids.Flags(number) |= (byte)(known | (stocked ? 0 : IdTable.NotStocked) | (foreign ? IdTable.Foreign : 0));
        return number;
    }

    private int SourceNumber(IdTable ids, ReadOnlySpan<byte> source)
    {
        var number = ids.Find(source);
        if (number >= 0 && sources.Contains(number))
        {
            recentSources[number % RecentSources] = number + 1;
            return number;
        }

        if (sources.Count == MaximumSources)
        {
            return -1;
        }

        number = ids.Intern(source);
        sources.Add(number);
        return number;
    }

    // A few of the sources, by the last digits of their numbers, to spare a look at the set.
    private bool IsRecentSource(int number) => recentSources[number % RecentSources] == number + 1;

    private static void RejectUnknown(RecordBatch batch, int i)
    {
        ref var movement = ref batch.Movements[i];
        if (movement.Sku < 0)
        {
            batch.Reject(i, StageName, RejectReason.UnknownSku, "sku_id is not in topic reference.sku; publish it there, then replay this event.");
        }
        else
        {
            batch.Reject(i, StageName, RejectReason.UnknownLocation,
                $"{(movement.Location < 0 ? "location_id" : "counterpart_location_id")} is not in topic reference.location; publish it there, then replay this event.");
        }
    }
}
