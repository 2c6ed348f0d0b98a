using StackExchange.Redis;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>The usual way to keep positions: a hash a position and an HINCRBY for each quantity that an event changes, pipelined for a batch.</summary>
internal static class NaiveIncrements
{
    private static readonly RedisValue OnHand = "on_hand", Unsellable = "unsellable", Reserved = "reserved", TransitIn = "in_transit_in", TransitOut = "in_transit_out";

    /// <summary>Applies a batch and waits until the server has acknowledged every increment.</summary>
    public static async Task ApplyAsync(IDatabase database, RecordBatch batch, List<Task> answers)
    {
        var pipeline = database.CreateBatch();
        answers.Clear();
        for (var i = 0; i < batch.Count; i++)
        {
            ref var movement = ref batch.Movements[i];
            if (movement.Stocked)
            {
                Add(pipeline, movement, batch.Ids.Text(movement.Sku), batch.Ids, answers);
            }
        }

        pipeline.Execute();
        foreach (var answer in answers)
        {
            await answer;
        }
    }

    private static void Add(IBatch pipeline, in Movement movement, string sku, IdTable ids, List<Task> answers)
    {
        var key = (RedisKey)$"pos:{sku}:{ids.Text(movement.Location)}";
        var quantity = movement.QtyDelta;
        if (PositionRules.ChangesOnHand(movement.Type))
        {
            answers.Add(pipeline.HashIncrementAsync(key, OnHand, quantity));
        }

        switch (movement.Type)
        {
            case MovementType.Damage:
                answers.Add(pipeline.HashIncrementAsync(key, Unsellable, -quantity));
                break;
            case MovementType.Reserve or MovementType.Release:
                answers.Add(pipeline.HashIncrementAsync(key, Reserved, -quantity));
                break;
            case MovementType.Ship:
                answers.Add(pipeline.HashIncrementAsync(key, Reserved, quantity));
                break;
            case MovementType.TransferOut:
                answers.Add(pipeline.HashIncrementAsync(key, TransitOut, -quantity));
                answers.Add(pipeline.HashIncrementAsync(Counterpart(movement), TransitIn, -quantity));
                break;
            case MovementType.TransferIn:
                answers.Add(pipeline.HashIncrementAsync(key, TransitIn, -quantity));
                answers.Add(pipeline.HashIncrementAsync(Counterpart(movement), TransitOut, -quantity));
                break;
        }

        RedisKey Counterpart(in Movement transfer) => $"pos:{sku}:{ids.Text(transfer.Counterpart)}";
    }

    /// <summary>Reads one position back.</summary>
    public static async Task<PositionState> ReadAsync(IDatabase database, PositionKey key)
    {
        var fields = await database.HashGetAsync($"pos:{key.SkuId}:{key.LocationId}", [OnHand, Unsellable, Reserved, TransitIn, TransitOut]);
        return new PositionState
        {
            OnHand = (long)fields[0],
            Unsellable = (long)fields[1],
            Reserved = (long)fields[2],
            InTransitIn = (long)fields[3],
            InTransitOut = (long)fields[4],
        };
    }
}
