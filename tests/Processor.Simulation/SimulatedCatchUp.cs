using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>
/// The second reader, as the history's catch-up does it: gives a lane's gap to the lane again, and starts over where a batch of it was
/// left out once more.
/// </summary>
internal sealed class SimulatedCatchUp(World world, SimulatedProcess process, SimulatedHistory history, SimulatedLane lane, CancellationToken stopping)
{
    private readonly LaneStatus status = lane.Status;

    public async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await process.WaitAsync(world.Between(5, 40), stopping);
                if (history.IsConnected && status.HistoryGap > 0)
                {
                    world.Count("gaps read again");
                    await FillAsync();
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The lane was aborted.
        }
    }

    private async Task FillAsync()
    {
        var refusals = status.HistoryRefusals;
        var next = status.DurableOffset;
        world.Say(process.Name, $"reads the gap {next}..{status.HistoryGapEnd} again");
        RecordBatch? ready = null;
        while (history.IsConnected && status.HistoryGap > 0 && status.HistoryRefusals == refusals)
        {
            if (ready is null && next < status.HistoryGapEnd)
            {
                ready = lane.Read(next, (int)Math.Min(status.HistoryGapEnd - next, world.Random.Next(1, 9)));
                next = ready.NextOffset;
            }

            await process.WaitAsync(world.Between(1, 40), stopping);
            if (ready is not null && history.HasRoom && lane.TryPostAgain(ready))
            {
                ready = null;
            }
        }
    }
}
