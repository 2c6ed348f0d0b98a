using System.Globalization;
using System.Text;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Position;

/// <summary>
/// The memory store and the Lua scripts in Redis give the same answers and come to the same state over random sequences of calls, so that
/// what the simulation proves with the one holds for the other.
/// </summary>
public sealed class StoreEquivalenceTests
{
    private const int Sequences = 300, Calls = 30;

    [Fact]
    public async Task Redis_and_the_memory_store_are_the_same_over_random_sequences()
    {
        await using var redis = await RedisProcess.StartAsync();
        var outcomes = new Dictionary<CommitOutcome, int>();
        for (var seed = 0; seed < Sequences; seed++)
        {
            var clock = new SteppedClock();
            await using var real = new RedisPositionStore(redis.Positions with { KeyPrefix = $"eq{seed}" }, clock);
            await using var model = new MemoryPositionStore(clock);
            try
            {
                await new Sequence(new Random(seed), clock, real, model, outcomes).RunAsync();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Sequence {seed}: {e.Message}", e);
            }
        }

        Assert.All(Enum.GetValues<CommitOutcome>(), outcome => Assert.True(outcomes.GetValueOrDefault(outcome) > Sequences, $"{outcome} was hardly met"));
    }

    private sealed class Sequence(Random random, SteppedClock clock, IPositionStore real, IPositionStore model, Dictionary<CommitOutcome, int> outcomes)
    {
        private readonly IdTable ids = new();
        private readonly List<LaneRecord> owners = [];
        private readonly List<LaneCommit> sent = [];
        private int fingerprints;

        public async Task RunAsync()
        {
            await AcquireAsync();
            for (var call = 0; call < Calls; call++)
            {
                clock.Step(random.Next(0, 4000));
                switch (random.Next(12))
                {
                    case 0:
                        await AcquireAsync();
                        break;
                    case 1:
                        // The same request once more, the latest or an old one.
                        await CommitAsync(sent.Count == 0 ? New() : sent[random.Next(3) == 0 ? random.Next(sent.Count) : sent.Count - 1]);
                        break;
                    case 2:
                        await CompareAsync();
                        break;
                    case 3:
                        var epoch = owners[random.Next(owners.Count)].Epoch;
                        Assert.Equal(await model.IsOwnerAsync(0, epoch, default), await real.IsOwnerAsync(0, epoch, default));
                        break;
                    default:
                        await CommitAsync(New());
                        break;
                }
            }

            await CompareAsync();
        }

        private async Task AcquireAsync()
        {
            var (wanted, found) = (await model.AcquireAsync(0, default), await real.AcquireAsync(0, default));
            Assert.Equal((wanted.Epoch, wanted.NextOffset, wanted.Revision), (found.Epoch, found.NextOffset, found.Revision));
            Assert.Equal(wanted.Watermarks.OrderBy(w => w.Key), found.Watermarks.OrderBy(w => w.Key));
            Assert.Equal(wanted.Marks, found.Marks);
            Assert.Equal(wanted.Unsettled.OrderBy(k => k.ToString()), found.Unsettled.OrderBy(k => k.ToString()));
            Assert.Equal(wanted.Held.Order(), found.Held.Order());
            owners.Add(wanted);
        }

        private LaneCommit New()
        {
            var owner = owners[^1];
            var commit = new LaneCommit
            {
                Partition = 0,
                Epoch = random.Next(6) == 0 ? owners[random.Next(owners.Count)].Epoch : owner.Epoch,
                ExpectedOffset = owner.NextOffset + (random.Next(8) == 0 ? random.Next(1, 4) : 0),
                Revision = owner.Revision + (random.Next(8) == 0 ? random.Next(-2, 3) : 0),
                Ids = ids,
                Bucket = random.Next(4),
            };
            var count = owner.NextOffset >= 0 && random.Next(4) == 0 ? 0 : random.Next(1, 9);
            commit.NextOffset = Math.Max(0, commit.ExpectedOffset) + count;
            for (var i = 0; i < count; i++)
            {
                if (random.Next(3) > 0)
                {
                    commit.Seen.Add(new SeenEntry(SipHash128.Hash(Encoding.UTF8.GetBytes($"event-{fingerprints++}")), commit.NextOffset - count + i));
                }
            }

            foreach (var place in Enumerable.Range(0, 9).Where(_ => random.Next(3) == 0))
            {
                commit.Positions.Add(new PositionWrite(Id("SKU", place / 3), Id("LOC ü", place % 3), new PositionState
                {
                    OnHand = random.Next(-9, 99),
                    Unsellable = random.Next(9),
                    Reserved = random.Next(9),
                    InTransitIn = random.Next(9),
                    InTransitOut = random.Next(9),
                    LastEventTs = random.NextInt64(2_000_000_000_000),
                    LastCountTs = random.NextInt64(2_000_000_000_000),
                    LastCountQty = random.Next(99),
                    Version = random.NextInt64(1L << 40),
                }));
            }

            foreach (var place in Enumerable.Range(0, 12).Where(_ => random.Next(6) == 0))
            {
                commit.Settlements.Add(new SettlementChange(Id("SKU", place / 4), place % 4 == 3 ? -1 : Id("LOC ü", place % 4), random.Next(2) == 0));
                commit.Holds.Add(new HoldChange(Id("SKU", place / 4), random.Next(2) == 0));
            }

            if (random.Next(2) == 0)
            {
                commit.Watermarks["POS"] = random.NextInt64(2_000_000_000_000);
            }

            if (random.Next(2) == 0)
            {
                commit.Marks = new LaneMarks(random.NextInt64(1, 2_000_000_000_000), random.NextInt64(2_000_000_000_000));
            }

            if (random.Next(5) == 0)
            {
                commit.ExpiredBuckets.Add(random.Next(4) is var bucket && bucket == commit.Bucket ? bucket + 4 : bucket);
            }

            return commit;
        }

        private async Task CommitAsync(LaneCommit commit)
        {
            var (wanted, found) = (await model.CommitAsync(commit, default), await real.CommitAsync(commit, default));
            Assert.Equal(wanted, found);
            outcomes[wanted] = outcomes.GetValueOrDefault(wanted) + 1;
            sent.Add(commit);
            if (wanted == CommitOutcome.Applied && commit.Epoch == owners[^1].Epoch)
            {
                owners[^1] = owners[^1] with { NextOffset = commit.NextOffset, Revision = commit.Revision + 1 };
            }
        }

        private async Task CompareAsync()
        {
            Assert.Equal(await SeenAsync(model), await SeenAsync(real));
            Assert.Equal(await model.MarksAsync(2, default), await real.MarksAsync(2, default));
            var keys = Enumerable.Range(0, 9).Select(i => (Id("SKU", i / 3), Id("LOC ü", i % 3))).ToArray();
            var (wanted, found) = (new PositionState[9], new PositionState[9]);
            await model.LoadAsync(0, ids, keys, wanted, default);
            await real.LoadAsync(0, ids, keys, found, default);
            Assert.Equal(wanted, found);
        }

        private static async Task<List<(long Bucket, SeenEntry Entry)>> SeenAsync(IPositionStore store)
        {
            var seen = new List<(long, SeenEntry)>();
            await foreach (var (bucket, entries) in store.LoadSeenAsync(0, default))
            {
                seen.AddRange(entries.Select(entry => (bucket, entry)));
            }

            return seen;
        }

        private int Id(string kind, int number) => ids.Intern(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{kind}-{number}")));
    }

    private sealed class SteppedClock : TimeProvider
    {
        private DateTimeOffset now = DateTimeOffset.UnixEpoch.AddDays(20_000);

        public void Step(int milliseconds) => now += TimeSpan.FromMilliseconds(milliseconds);

        public override DateTimeOffset GetUtcNow() => now;
    }
}
