using System.Globalization;
using System.Text;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Tests.Serve.Stock;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

/// <summary>The script in Redis against a plain model of what it promises, over random transactions with lanes that apply them in between.</summary>
public sealed class StockStoreTests
{
    private const string Topic = "t";
    private const int Partitions = 3, Steps = 400;
    private static readonly string[] Skus = ["A", "B", "C", "D"], Locations = ["L1", "L2", "L:3"];
    private static readonly MovementType[] Types =
        [MovementType.Reserve, MovementType.Release, MovementType.Ship, MovementType.TransferOut, MovementType.TransferIn, MovementType.Receipt, MovementType.Adjustment, MovementType.Damage, MovementType.Rtv];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Random_transactions_lead_to_what_the_model_says(int seed)
    {
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var positions = new RedisPositionStore(options, TimeProvider.System);
        await positions.PinPartitionsAsync(Topic, Partitions, default);
        await using var store = new RedisStockStore(options, Topic);
        var model = new MemoryStockStore();
        var lanes = new Lanes(positions, store);
        var random = new Random(seed);
        var verdicts = new Dictionary<StockVerdict, int>();
        foreach (var sku in Skus)
        {
            foreach (var location in Locations)
            {
                var state = new PositionState { OnHand = random.Next(30), Unsellable = random.Next(3), Reserved = random.Next(4), Version = 1 };
                model.Put(sku, location, state);
                await lanes.WriteAsync(sku, location, state);
            }
        }

        var events = 0;
        for (var step = 0; step < Steps; step++)
        {
            (model.NowTs, _) = await store.ReadAsync([new PositionKey("A", "L1")], dated: false, default);
            var transaction = Transaction(random, model, ref events);
            var expected = await model.ExecuteAsync(transaction, default);
            var found = await store.ExecuteAsync(transaction, default);
            Assert.True(expected.Verdict == found.Verdict, $"seed {seed}, step {step}: expected {expected.Verdict}, found {found.Verdict} for {transaction}");
            Assert.Equal(expected.Answer, found.Answer);
            Assert.Equal(expected.Shortages.OrderBy(Name), found.Shortages.OrderBy(Name));
            verdicts[found.Verdict] = verdicts.GetValueOrDefault(found.Verdict) + 1;
            if (random.Next(12) == 0)
            {
                await lanes.ApplyAsync();
                model.Settle();
            }

            await CompareAsync(model, store, $"seed {seed}, step {step}");
        }

        // A run that met no refusal, repetition or conflict would prove little.
        Assert.All([StockVerdict.Applied, StockVerdict.Insufficient, StockVerdict.Repeated, StockVerdict.KeyReused, StockVerdict.Conflict, StockVerdict.WrongTime],
            verdict => Assert.True(verdicts.GetValueOrDefault(verdict) > 2, $"{verdict}: {verdicts.GetValueOrDefault(verdict)}"));
        await lanes.ApplyAsync();
        Assert.Empty(await store.OutboxesAsync(default));
        Assert.Equal(model.Moves.Select(move => move.EventId).Order(StringComparer.Ordinal), lanes.Applied.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_lane_that_went_back_in_time_takes_no_commands_until_it_has_caught_up()
    {
        await using var redis = await RedisProcess.StartAsync();
        var options = redis.Positions;
        await using var positions = new RedisPositionStore(options, TimeProvider.System);
        await positions.PinPartitionsAsync(Topic, 1, default);
        await using var store = new RedisStockStore(options, Topic);
        var lanes = new Lanes(positions, store, partitions: 1);
        await lanes.WriteAsync("A", "L1", new PositionState { OnHand = 5 });
        var reserve = new StockTransaction { Moves = [new StockMove("e1", "A", "L1", MovementType.Reserve, -2, "R", 1)] };
        Assert.Equal(StockVerdict.Applied, (await store.ExecuteAsync(reserve, default)).Verdict);
        await lanes.ApplyAsync();
        using var connection = await redis.ConnectAsync();
        await connection.Database.HashSetAsync("{inv:0}:lane", "next", 0);
        var another = new StockTransaction { Moves = [new StockMove("e2", "A", "L1", MovementType.Reserve, -1, "R", 1)] };
        Assert.Equal(StockVerdict.Behind, (await store.ExecuteAsync(another, default)).Verdict);
        await connection.Database.HashSetAsync("{inv:0}:lane", "next", 100);
        Assert.Equal(StockVerdict.Applied, (await store.ExecuteAsync(another, default)).Verdict);
    }

    private static string Name(StockShortage shortage) => shortage.SkuId + "\0" + shortage.LocationId;

    private static StockTransaction Transaction(Random random, MemoryStockStore model, ref int events)
    {
        var sku = Skus[random.Next(Skus.Length)];
        var other = random.Next(3) == 0 ? Skus[random.Next(Skus.Length)] : sku;
        var moves = new List<StockMove>();
        for (var i = random.Next(4); i > 0; i--)
        {
            var type = Types[random.Next(Types.Length)];
            var units = 1 + random.Next(6);
            var quantity = type is MovementType.Release or MovementType.TransferIn or MovementType.Receipt ? units
                : type is MovementType.Adjustment or MovementType.Damage && random.Next(2) == 0 ? units : -units;
            var (location, counterpart) = (random.Next(3), 1 + random.Next(2));
            moves.Add(new StockMove(string.Create(CultureInfo.InvariantCulture, $"e{++events}"), random.Next(2) == 0 ? sku : other, Locations[location], type, quantity, "R", 1)
            {
                Check = (StockCheck)random.Next(3),
                CounterpartId = type is MovementType.TransferIn or MovementType.TransferOut ? Locations[(location + counterpart) % 3] : null,
                Reason = "why",
                UnitCost = 12_3400,
                Attributes = new Dictionary<string, string> { ["a"] = "ü\"\\" },
            });
        }

        List<StockHold> holds = random.Next(2) == 0 ? [] :
            [new StockHold($"h{random.Next(5)}", sku, Locations[0], random.Next(5), random.Next(4) switch { 0 => 0, 1 => model.NowTs - 1000, _ => model.NowTs + 3_600_000 })];
        var document = $"d{random.Next(4)}";
        var known = model.FindAsync("kind", document, default).Result?.Revision ?? 0;
        var has = random.Next(2) == 0;
        DocumentWrite[] documents = random.Next(2) == 0 ? [] :
        [
            new DocumentWrite("kind", document, random.Next(10) == 0 ? known + 1 : known, random.Next(6) == 0 && known > 0 ? null : Encoding.UTF8.GetBytes($"body {events} é"))
            {
                DueTs = random.Next(3) == 0 ? model.NowTs - 5000 - random.Next(1000) : 0,
                Enters = has ? ["odd:1"] : ["even:2"],
                Leaves = has ? ["even:2"] : ["odd:1"],
            },
        ];
        if (documents is [{ Body: null }])
        {
            documents = [documents[0] with { DueTs = 0, Enters = [], Leaves = ["odd:1", "even:2"] }];
        }

        return new StockTransaction
        {
            Key = random.Next(3) == 0 ? null : $"key {random.Next(60)}",
            RequestHash = $"hash{random.Next(2)}",
            Answer = Encoding.UTF8.GetBytes($"answer {events}"),
            Moves = moves,
            Holds = holds,
            Documents = documents,
            Buffers = random.Next(5) == 0 ? [new SafetyBuffer(sku, Locations[random.Next(3)], random.Next(4))] : [],
            Dated = random.Next(4) == 0 ? [new DatedQuantity(sku, Locations[random.Next(3)], $"po:{random.Next(3)}", random.Next(-3, 4), model.NowTs + random.Next(1000))] : [],
            BeforeTs = random.Next(20) == 0 ? model.NowTs - 1000 : 0,
            FromTs = random.Next(20) == 0 ? model.NowTs - 1000 : random.Next(30) == 0 ? model.NowTs + 3_600_000 : 0,
        };
    }

    private static async Task CompareAsync(MemoryStockStore model, RedisStockStore store, string where)
    {
        var keys = Skus.Select(sku => new PositionKey(sku, "")).ToArray();
        var (_, found) = await store.ReadAsync(keys, dated: true, default);
        var (_, expected) = await model.ReadAsync(keys, dated: true, default);
        Assert.Equal(Numbers(expected), Numbers(found));
        for (var i = 0; i < keys.Length; i++)
        {
            Assert.True(expected[i].Dated.OrderBy(d => d.LocationId + d.Source).SequenceEqual(found[i].Dated.OrderBy(d => d.LocationId + d.Source)), $"{where}: dated quantities of {keys[i].SkuId} differ");
        }

        var (_, one) = await store.ReadAsync([new PositionKey("A", "L1")], dated: false, default);
        Assert.Equal(Numbers([new AtpAnswer(default, [.. expected[0].States.Where(state => state.LocationId == "L1")], [])]), Numbers(one));
        foreach (var list in (string[])["odd:1", "even:2"])
        {
            Assert.Equal(await TextsAsync(model, list), await TextsAsync(store, list));
        }

        Assert.Equal((await model.DueAsync(10, default)).Order(), (await store.DueAsync(10, default)).Order());
    }

    private static async Task<string[]> TextsAsync(IStockStore store, string list)
    {
        var first = await store.ListAsync("kind", list, null, 2, default);
        var rest = first.Count == 0 ? [] : await store.ListAsync("kind", list, first[^1].Id, 10, default);
        return [.. first.Concat(rest).Select(document => $"{document.Id} {document.Revision} {Encoding.UTF8.GetString(document.Body)}")];
    }

    private static string[] Numbers(AtpAnswer[] answers) => [.. answers.SelectMany(answer => answer.States)
        .Select(s => $"{s.SkuId} {s.LocationId}: {s.State.OnHand} {s.State.Unsellable} {s.State.Reserved} {s.State.InTransitIn} {s.State.InTransitOut}, held {s.Held} lapsed {s.Lapsed} buffer {s.SafetyBuffer}, {s.Available} of {s.AvailableRaw}")
        .Where(text => !text.Contains(": 0 0 0 0 0, held 0 lapsed 0 buffer 0", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>Does what lanes do with what the outboxes hold: apply the movements, and acknowledge them in the same commit.</summary>
    private sealed class Lanes(RedisPositionStore positions, RedisStockStore store, int partitions = Partitions)
    {
        private readonly Dictionary<int, LaneCommit> commits = [];

        public List<string> Applied { get; } = [];

        public Task WriteAsync(string sku, string location, PositionState state) =>
            CommitAsync(Murmur2.Partition(Encoding.UTF8.GetBytes(sku), partitions), [(sku, location, state)], []);

        public async Task ApplyAsync()
        {
            foreach (var partition in await store.OutboxesAsync(default))
            {
                var entries = await store.OutboxAsync(partition, 10_000, default);
                var states = new Dictionary<PositionKey, PositionState>();
                foreach (var move in entries.Select(entry => entry.Move))
                {
                    var movement = new Movement { Type = move.Type, QtyDelta = move.Quantity, EventTs = long.MaxValue >> 20 };
                    var state = await StateAsync(states, move.SkuId, move.LocationId);
                    PositionRules.Apply(ref state, movement);
                    states[new PositionKey(move.SkuId, move.LocationId)] = state;
                    if (move.CounterpartId is { } counterpart)
                    {
                        state = await StateAsync(states, move.SkuId, counterpart);
                        PositionRules.ApplyCounterpart(ref state, movement);
                        states[new PositionKey(move.SkuId, counterpart)] = state;
                    }
                }

                Applied.AddRange(entries.Select(entry => entry.Move.EventId));
                await CommitAsync(partition, [.. states.Select(pair => (pair.Key.SkuId, pair.Key.LocationId, pair.Value))], [.. entries.Select(entry => entry.Move.EventId)]);
                await store.ForwardedAsync(partition, entries, default);
            }
        }

        private async Task<PositionState> StateAsync(Dictionary<PositionKey, PositionState> states, string sku, string location) =>
            states.TryGetValue(new PositionKey(sku, location), out var state) ? state : (await positions.GetAsync(sku, location, default))?.State ?? default;

        private async Task CommitAsync(int partition, IReadOnlyList<(string Sku, string Location, PositionState State)> writes, IReadOnlyList<string> events)
        {
            if (!commits.TryGetValue(partition, out var commit))
            {
                var lane = await positions.AcquireAsync(partition, default);
                commits[partition] = commit = new LaneCommit { Partition = partition, Epoch = lane.Epoch, ExpectedOffset = lane.NextOffset, Revision = lane.Revision, Ids = new IdTable() };
            }

            commit.NextOffset = Math.Max(0, commit.ExpectedOffset) + 1 + events.Count;
            commit.Positions.AddRange(writes.Select(w => new PositionWrite(commit.Ids.Intern(Encoding.UTF8.GetBytes(w.Sku)), commit.Ids.Intern(Encoding.UTF8.GetBytes(w.Location)), w.State)));
            commit.CommandEvents.AddRange(events.Select(Encoding.UTF8.GetBytes));
            Assert.Equal(CommitOutcome.Applied, await positions.CommitAsync(commit, default));
            commit.Clear();
            commit.ExpectedOffset = commit.NextOffset;
            commit.Revision++;
        }
    }
}
