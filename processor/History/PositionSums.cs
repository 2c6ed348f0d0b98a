using Stockflow.Model;

namespace Stockflow.History;

/// <summary>A position put together from the sums of its movements; the rules are those of view <c>positions_as_of</c>.</summary>
internal sealed record PositionSums(StockPosition Position, CountFact? Count, IReadOnlyList<MovementSum> Since, IReadOnlyList<MovementSum> Before)
{
    /// <summary>Null without rows.</summary>
    public static async Task<PositionSums?> ReadAsync(string skuId, string locationId, IAsyncEnumerable<ClickHouseRow> rows)
    {
        var state = default(PositionState);
        CountFact? count = null;
        var (since, before) = (new List<MovementSum>(), new List<MovementSum>());
        await foreach (var row in rows)
        {
            var (isOwn, isSince) = (row.Get<int>(0) != 0, row.Get<int>(2) != 0);
            var sum = new MovementSum(row.Get<string>(1)!, !isOwn, row.Get<long>(3), row.Get<long>(4));
            (isSince ? since : before).Add(sum);
            state.LastEventTs = isOwn ? Math.Max(state.LastEventTs, row.Get<long>(5)) : state.LastEventTs;
            Add(ref state, sum, isSince);
            if (row.Get<string>(8) is { Length: > 0 } counted && count is null)
            {
                count = new CountFact(counted, row.Get<long>(6), row.Get<long>(9), row.Get<long>(7), row.Get<string>(10)!, row.Get<string>(11)!);
                state.LastCountTs = count.EventTs;
                state.LastCountQty = count.Counted;
                state.OnHand += count.Counted;
            }
        }

        return state.Version == 0
            ? null
            : new PositionSums(new StockPosition(skuId, locationId, state), count, Sorted(since), Sorted(before));
    }

    private static List<MovementSum> Sorted(List<MovementSum> sums) =>
        [.. sums.OrderBy(sum => sum.Transfers).ThenBy(sum => sum.MovementType, StringComparer.Ordinal)];

    /// <summary>Adds movements up, but for event times: what a movement does to a position, whatever the order.</summary>
    public static void Add(ref PositionState state, MovementSum sum, bool isSince)
    {
        state.Version += sum.Movements;
        if (isSince && sum.ChangesOnHand)
        {
            state.OnHand += sum.Units;
        }

        switch (MovementTypes.TryParse(sum.MovementType, out var type) ? type : MovementType.Unknown)
        {
            case MovementType.Damage:
                state.Unsellable -= sum.Units;
                break;
            case MovementType.Ship:
                state.Reserved += sum.Units;
                break;
            case MovementType.Reserve or MovementType.Release:
                state.Reserved -= sum.Units;
                break;
            case MovementType.TransferOut or MovementType.TransferIn when sum.Transfers == (type == MovementType.TransferOut):
                state.InTransitIn -= sum.Units;
                break;
            case MovementType.TransferOut or MovementType.TransferIn:
                state.InTransitOut -= sum.Units;
                break;
        }
    }
}
