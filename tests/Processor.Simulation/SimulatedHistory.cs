using System.Threading.Channels;
using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>
/// The history of one process, as the history stage does it: gathers batches of all its lanes, inserts their rows until the inserts are
/// answered, then marks the batches durable in their order.
/// </summary>
internal sealed class SimulatedHistory(World world, SimulatedProcess process, SimulatedLedger ledger, Mutant mutant)
{
    private readonly Channel<RecordBatch> input = Channel.CreateBounded<RecordBatch>(4);

    public ValueTask SendAsync(RecordBatch batch, CancellationToken token) => input.Writer.WriteAsync(batch, token);

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
                batch.Lane.DurableOffset = Math.Max(batch.Lane.DurableOffset, batch.NextOffset);
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

    private async Task InsertAsync(List<long> offsets, bool isLedger)
    {
        for (var wait = TimeSpan.FromSeconds(1); offsets.Count > 0; wait = TimeSpan.FromSeconds(Math.Min(30, wait.TotalSeconds * 2)))
        {
            try
            {
                await process.CallAsync(ledger, "insert", () => ledger.Insert(offsets, isLedger));
                return;
            }
            catch (NoAnswerException) when (mutant == Mutant.UnansweredInsertIsDurable)
            {
                return;
            }
            catch (NoAnswerException)
            {
                await process.WaitAsync(wait, default);
            }
        }
    }
}
