using System.Runtime.ExceptionServices;
using Stockflow.Model;
using Xunit;
using Xunit.Abstractions;

namespace Stockflow.Tests.Pipeline;

/// <summary>
/// A lane over random histories, with random batch boundaries, that crashes at random points, loses its partition to another process,
/// finds a store that does not answer or has lost its tail, and reads again from an earlier commit: the end is always the oracle's.
/// </summary>
public sealed class LaneRecoveryTests(ITestOutputHelper output)
{
    private const int Cases = 400;

    [Fact]
    public void Positions_accepted_offsets_and_ledger_equal_the_oracle_whatever_happens_on_the_way()
    {
        var failures = new List<(int Seed, Exception Why)>();
        for (var seed = 0; seed < Cases; seed++)
        {
            try
            {
                var current = seed;
                PumpContext.Run(async () =>
                {
                    await using var simulated = new Case(current);
                    await simulated.RunAsync();
                });
            }
            catch (Exception e)
            {
                failures.Add((seed, e));
            }
        }

        foreach (var (seed, why) in failures)
        {
            output.WriteLine($"seed {seed}: {why.Message.Split('\n')[0]}");
        }

        if (failures.Count > 0)
        {
            ExceptionDispatchInfo.Throw(failures[0].Why);
        }
    }

    private sealed class Case : ILedgerReader, IAsyncDisposable
    {
        private const int LongestRun = 5000;
        private readonly Random random;
        private readonly LaneHistory history;
        private readonly ManualTime time = new();
        private readonly FaultyStore store = new();
        private readonly SortedSet<long> ledger = [];
        private readonly List<long> commits = [-1];
        private readonly Dictionary<long, Verdict> verdicts = [];
        private readonly int cached, faultPercent;
        private SimulatedLane lane = null!;
        private int ledgerFailures;

        public Case(int seed)
        {
            random = new Random(seed);
            history = new LaneHistory(random);
            cached = random.Next(3) == 0 ? 2 : 1000;
            faultPercent = random.Next(4) * 10;
        }

        public async Task<IReadOnlyList<LedgerOnHand>> OnHandAsync(
            string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token)
        {
            await Task.Yield();
            Assert.Distinct(questions.Select(q => q.Key));
            if (ledgerFailures > 0)
            {
                ledgerFailures--;
                throw new StoreUnavailableException("The ledger does not answer.");
            }

            return [.. questions.Select(q => history.OnHand(
                q.Key.SkuId[^1] - '0', q.Key.LocationId[^1] - '0', ledger.Where(offset => offset < q.BeforeOffset)))];
        }

        public async Task RunAsync()
        {
            await OpenAsync();
            for (var step = 0; !lane.IsDone || store.HasLostTail; step++)
            {
                Assert.True(step < LongestRun, $"The lane does not come to rest: {lane}");
                try
                {
                    if (lane.IsDone)
                    {
                        // A lane notices a lost tail at its next commit; where no record is left, at its next start.
                        throw new CrashException();
                    }

                    // Late in a run nothing fails any more, so that every run ends.
                    await (step < 300 && random.Next(100) < faultPercent ? FailAsync() : WorkAsync());
                }
                catch (Exception e) when (e is CrashException or LaneLostException)
                {
                    lane.Crash(random, offset => ledger.Add(offset));
                    lane.Dispose();
                    await OpenAsync();
                }
            }

            await CheckAsync();
        }

        public async ValueTask DisposeAsync()
        {
            lane?.Dispose();
            await store.DisposeAsync();
        }

        private async Task WorkAsync()
        {
            switch (random.Next(6))
            {
                case 0 or 1:
                    await lane.ReadAsync(random.Next(1, 9), Remember);
                    break;
                case 2:
                    lane.MakeDurable(random.Next(1, 4), offset => ledger.Add(offset));
                    break;
                case 3:
                    commits.Add(Math.Min(lane.Status.NextOffset, lane.Status.DurableOffset));
                    break;
                case 4:
                    time.Advance(TimeSpan.FromSeconds(random.Next(1, 60)));
                    await Task.Yield();
                    break;
                default:
                    await lane.WakeAsync();
                    break;
            }
        }

        private async Task FailAsync()
        {
            switch (random.Next(5))
            {
                case 0:
                    throw new CrashException();
                case 1:
                    store.NextCommit = (CommitFault)random.Next(5);
                    break;
                case 2:
                    await store.LoseTailAsync(random.Next(1, 6));
                    break;
                case 3:
                    ledgerFailures = random.Next(3);
                    break;
                default:
                    await TakeOverAsync();
                    break;
            }
        }

        // Another process opens the lane; the former one goes on, does not know it, and must be refused.
        private async Task TakeOverAsync()
        {
            var former = lane;
            await OpenAsync();
            store.NextCommit = CommitFault.None;
            if (former.Status.NextOffset < history.Log.Count)
            {
                var lost = await Assert.ThrowsAsync<LaneLostException>(() => former.ReadAsync(history.Log.Count, (_, _) => { }));
                Assert.Equal(CommitOutcome.StaleEpoch, lost.Outcome);
            }

            former.Crash(random, offset => ledger.Add(offset));
            former.Dispose();
        }

        private async Task OpenAsync()
        {
            // The group's last commit, or an earlier one where the last was lost.
            var committed = random.Next(3) == 0 ? commits[random.Next(commits.Count)] : commits[^1];
            lane = await SimulatedLane.OpenAsync(history, store, this, time, committed, cached);
        }

        private void Remember(long offset, Verdict verdict)
        {
            Assert.True(verdicts.TryAdd(offset, verdict) || verdicts[offset] == verdict, $"Offset {offset} was {verdicts[offset]} and is now {verdict}.");
        }

        private async Task CheckAsync()
        {
            Assert.Equal(history.Accepted, verdicts.Where(v => v.Value == Verdict.Accepted).Select(v => v.Key).Order());
            Assert.Equal(history.Accepted, ledger);
            var seen = new List<long>();
            await foreach (var (_, entries) in store.LoadSeenAsync(0, default))
            {
                seen.AddRange(entries.Select(entry => entry.Offset));
            }

            Assert.Equal(history.Accepted, seen.Order());
            var expected = history.Positions();
            var found = 0;
            await foreach (var position in store.ScanAsync(default))
            {
                found++;
                var s = position.State;
                var key = new PositionKey(position.SkuId, position.LocationId);
                Assert.True(expected.TryGetValue(key, out var wanted), $"{key} should not exist.");
                Assert.True(wanted == (s.OnHand, s.Unsellable, s.Reserved, s.InTransitIn, s.InTransitOut), $"{key}: expected {wanted}, found {s}.");
            }

            Assert.Equal(expected.Count, found);
        }
    }
}
