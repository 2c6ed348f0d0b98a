using System.Threading.Channels;
using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>
/// The history of one process, as the history stage does it: gathers batches of all its lanes, inserts their rows until the inserts are
/// answered, then reports the batches as written. What it has no room for it leaves out, and the gap is read again.
/// </summary>
internal sealed class SimulatedHistory(World world, SimulatedProcess process, SimulatedLedger ledger, Mutant mutant)
{
    private const int WaitingBatches = 4, NarrowGap = 12;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly Channel<RecordBatch> input = Channel.CreateBounded<RecordBatch>(WaitingBatches);

    /// <summary>Whether the last insert was answered.</summary>
    public bool IsConnected { get; private set; } = true;

    public bool HasRoom => input.Reader.Count < WaitingBatches / 2;

    public async Task TakeAsync(RecordBatch batch, CancellationToken token)
    {
        var lane = batch.Lane;
        var gap = lane.HistoryGap;
        var closesGap = batch.NextOffset <= lane.HistoryGapEnd;
        if (batch.Count == 0 || ((closesGap || gap <= NarrowGap) && input.Writer.TryWrite(batch))
            || (gap == 0 && IsConnected && await WaitForRoomAsync(batch, token)))
        {
            return;
        }

        world.Count("batches left out of the history");
        world.Say(process.Name, $"the history leaves out {batch.FromOffset}..{batch.NextOffset}");
        if (mutant == Mutant.SkippedIsWritten)
        {
            lane.Written(batch.FromOffset, batch.NextOffset);
        }
        else
        {
            lane.Skipped(batch.NextOffset);
        }
    }

    public async Task RunAsync()
    {
        while (true)
        {
            var load = new List<RecordBatch> { await input.Reader.ReadAsync() };
            var raw = new List<long>();
            var rows = new List<long>();
            await process.WaitAsync(world.Between(1, 1000), default);
            while (world.Random.Next(4) > 0 && input.Reader.TryRead(out var more))
            {
                load.Add(more);
            }

            foreach (var batch in load)
            {
                Add(batch, raw, rows);
            }

            await Task.WhenAll(InsertAsync(raw, false), InsertAsync(rows, true));
            foreach (var batch in load)
            {
                batch.Lane.Written(batch.FromOffset, batch.NextOffset);
                world.Say(process.Name, $"the history has {batch.FromOffset}..{batch.NextOffset}: durable {batch.Lane.DurableOffset}, gap to {batch.Lane.HistoryGapEnd}");
            }
        }
    }

    private static void Add(RecordBatch batch, List<long> raw, List<long> rows)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var offset = batch.Records[i].Offset;
            if (offset < batch.Lane.DurableOffset)
            {
                continue;
            }

            raw.Add(offset);
            if (batch.Verdicts[i] == Verdict.Accepted)
            {
                rows.Add(offset);
            }
        }
    }

    private async Task<bool> WaitForRoomAsync(RecordBatch batch, CancellationToken token)
    {
        using var patience = new CancellationTokenSource(Patience, process.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(token, patience.Token);
        try
        {
            await input.Writer.WriteAsync(batch, either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task InsertAsync(List<long> offsets, bool isLedger)
    {
        for (var wait = TimeSpan.FromSeconds(1); offsets.Count > 0; wait = TimeSpan.FromSeconds(Math.Min(5, wait.TotalSeconds * 2)))
        {
            try
            {
                await process.CallAsync(ledger, "insert", () => ledger.Insert(offsets, isLedger));
                IsConnected = true;
                return;
            }
            catch (NoAnswerException) when (mutant == Mutant.UnansweredInsertIsDurable)
            {
                return;
            }
            catch (NoAnswerException)
            {
                IsConnected = false;
                await process.WaitAsync(wait, default);
            }
        }
    }
}
