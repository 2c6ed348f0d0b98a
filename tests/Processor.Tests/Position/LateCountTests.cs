using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

/// <summary>A count that comes after later movements waits for the ledger; what arrives meanwhile counts once.</summary>
public sealed class LateCountTests
{
    private static readonly PositionKey Key = new("SKU-1", "ST-1");

    [Fact]
    public async Task A_movement_behind_the_late_count_in_its_own_batch_counts_once()
    {
        await using var lane = new TestLane();
        await lane.ApplyAsync(Sale(ts: 20, -1), Count(ts: 10, 7), Sale(ts: 30, -2));

        Assert.Equal(7 - 1 - 2, await lane.SettleAsync());
    }

    [Fact]
    public async Task A_movement_of_a_later_batch_counts_once()
    {
        await using var lane = new TestLane();
        await lane.ApplyAsync(Sale(ts: 20, -1), Count(ts: 10, 7));
        await lane.ApplyAsync(Sale(ts: 30, -2), Sale(ts: 5, -4));

        Assert.Equal(7 - 1 - 2, await lane.SettleAsync());
    }

    [Fact]
    public async Task A_second_late_count_before_the_answer_to_the_first_is_settled_as_of_its_own_offset()
    {
        await using var lane = new TestLane();
        await lane.ApplyAsync(Sale(ts: 20, -1), Count(ts: 10, 7));
        await lane.ApplyAsync(Sale(ts: 30, -2), Count(ts: 25, 9));

        Assert.Equal(9 - 2, await lane.SettleAsync());
    }

    [Fact]
    public async Task A_count_in_order_before_the_answer_stays()
    {
        await using var lane = new TestLane();
        await lane.ApplyAsync(Sale(ts: 20, -1), Count(ts: 10, 7));
        await lane.ApplyAsync(Count(ts: 30, 9), Sale(ts: 40, -2));

        Assert.Equal(9 - 2, await lane.SettleAsync());
    }

    [Fact]
    public async Task Movements_beyond_those_that_are_kept_come_from_the_ledger()
    {
        await using var lane = new TestLane();
        await lane.ApplyAsync(Sale(ts: 20, -1), Count(ts: 10, 7));
        await lane.ApplyAsync([.. Enumerable.Repeat(Sale(ts: 30, -1), Settlements.MaximumKept)]);
        await lane.ApplyAsync(Sale(ts: 31, -10), Sale(ts: 32, -100));
        await lane.ApplyAsync(Sale(ts: 33, -1000));

        Assert.Equal(7 - 1 - Settlements.MaximumKept - 10 - 100 - 1000, await lane.SettleAsync());
        Assert.Equal(2 + Settlements.MaximumKept + 2, lane.AskedBefore);
    }

    private static Movement Sale(long ts, long qty) => New(MovementType.Sale, ts, qty, Movement.Absent);

    private static Movement Count(long ts, long counted) => New(MovementType.CycleCount, ts, 0, counted);

    private static Movement New(MovementType type, long ts, long qty, long counted) =>
        new() { Type = type, EventTs = ts, QtyDelta = qty, CountedQty = counted, Counterpart = -1, Stocked = true };

    private sealed class TestLane : IAsyncDisposable, ILedgerReader
    {
        private readonly CancellationTokenSource stop = new();
        private readonly MemoryPositionStore store = new(TimeProvider.System);
        private readonly LaneStatus status = new() { Topic = "t", Partition = 0, DurableOffset = 0 };
        private readonly IdTable ids = new();
        private readonly List<Movement> rows = [];
        private readonly SemaphoreSlim woken = new(0);
        private PositionStage? stage;

        /// <summary>Offset before which the ledger was last asked what it knows.</summary>
        public long AskedBefore { get; private set; }

        public async Task ApplyAsync(params Movement[] movements)
        {
            await OpenAsync();
            var batch = new RecordBatch(movements.Length, 16) { Lane = status, Ids = ids };
            for (var i = 0; i < movements.Length; i++)
            {
                batch.Add(rows.Count, 0, default, false, default, false, null);
                batch.Movements[i] = movements[i] with { Sku = ids.Intern(Encoding.UTF8.GetBytes(Key.SkuId)), Location = ids.Intern(Encoding.UTF8.GetBytes(Key.LocationId)) };
                batch.Verdicts[i] = Verdict.Accepted;
                rows.Add(batch.Movements[i]);
            }

            await stage!.ApplyAsync(batch, _ => { }, stop.Token);
        }

        /// <summary>Lets the history become durable, and returns on-hand as the store has it after the ledger's answer.</summary>
        public async Task<long> SettleAsync()
        {
            Assert.Equal(1, status.Unsettled);
            status.Written(0, rows.Count);
            while (status.Unsettled > 0)
            {
                await woken.WaitAsync(stop.Token);
                await stage!.ApplyAsync(new RecordBatch(0, 0) { Lane = status, Ids = ids }, _ => { }, stop.Token);
            }

            return (await store.GetAsync(Key.SkuId, Key.LocationId, stop.Token))!.Value.State.OnHand;
        }

        public Task<IReadOnlyList<LedgerAnswer>> AskAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token) =>
            Task.FromResult<IReadOnlyList<LedgerAnswer>>([.. questions.Select(Answer)]);

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            stop.Dispose();
            woken.Dispose();
            await store.DisposeAsync();
        }

        private LedgerAnswer Answer(LedgerQuestion question)
        {
            AskedBefore = question.BeforeOffset;
            var known = rows.Take((int)question.BeforeOffset).ToList();
            return new LedgerAnswer([], [known.Where(row => row.EventTs > Assert.Single(question.Counts).EventTs).Sum(row => row.QtyDelta)], []);
        }

        private async Task OpenAsync()
        {
            if (stage is null)
            {
                await store.PinPartitionsAsync("t", 1, stop.Token);
                var record = await store.AcquireAsync(0, stop.Token);
                stage = new PositionStage(new PositionOptions(), store, this, status, ids, TimeProvider.System, NullLogger.Instance) { Wake = () => woken.Release() };
                stage.Open(record, 0, stop.Token);
            }
        }
    }
}
