using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>A process as a member of the consumer group: what its source does when partitions come and go, and its commits.</summary>
internal sealed class Member
{
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(10), DrainBound = TimeSpan.FromSeconds(5);
    private readonly Scenario scenario;
    private readonly World world;
    private readonly SimulatedHistory history;
    private SimulatedLane? lane;
    private int assignments, generation;
    private long stored = -1;

    public Member(Scenario scenario, string name)
    {
        this.scenario = scenario;
        world = scenario.World;
        Process = new SimulatedProcess(name, world, scenario.Network, scenario.Store, scenario.Ledger);
        history = new SimulatedHistory(world, Process, scenario.Ledger, scenario.Mutant);
        world.Begin(history.RunAsync);
        world.Begin(CommitAsync);
    }

    public SimulatedProcess Process { get; }

    public override string ToString() => lane is null
        ? $"{Process.Name} without a lane"
        : $"{Process.Name} read {lane.ReadOffset}, next {lane.Status.NextOffset}, durable {lane.Status.DurableOffset}, {lane.Status.Unsettled} unsettled";

    /// <summary>The group has given it the partition.</summary>
    public void Assigned(int newGeneration)
    {
        if (newGeneration <= generation)
        {
            return;
        }

        generation = newGeneration;
        var assignment = ++assignments;
        lane?.Abort();
        lane = null;
        world.Begin(() => HoldAsync(assignment));
    }

    /// <summary>The group asks for the partition back: finish, commit, and say so.</summary>
    public async Task RevokedAsync(int revoked, Action done)
    {
        if (revoked != generation)
        {
            return;
        }

        if (lane is { } draining)
        {
            using var bound = new CancellationTokenSource(DrainBound, Process.Clock);
            try
            {
                await draining.DrainAsync(bound.Token);
            }
            catch (OperationCanceledException)
            {
                world.Say(Process.Name, "has not drained in time");
            }

            draining.Abort();
            Commit(draining);
        }

        if (revoked != generation)
        {
            return;
        }

        // The last commit is answered before the member gives up the partition.
        assignments++;
        lane = null;
        await Process.WaitAsync(world.Between(1, 20), default);
        world.Say(Process.Name, "gives up the partition");
        done();
    }

    /// <summary>It learns that another member has the partition.</summary>
    public void Lost(int newGeneration)
    {
        if (generation < newGeneration)
        {
            world.Say(Process.Name, "learns that it has lost the partition");
            assignments++;
            lane?.Abort();
            lane = null;
        }
    }

    // Where the store lost its tail the lane starts again where the store now stands; where another took the lane, after a session's time.
    private async Task HoldAsync(int assignment)
    {
        while (assignment == assignments)
        {
            var opened = await SimulatedLane.OpenAsync(scenario, Process, history);
            if (assignment != assignments)
            {
                opened.Abort();
                return;
            }

            lane = opened;
            stored = Math.Max(0, opened.Status.DurableOffset);
            try
            {
                await opened.Completion;
            }
            catch (LaneLostException e)
            {
                await Process.WaitAsync(e.Outcome == CommitOutcome.StaleEpoch ? SessionTimeout : TimeSpan.Zero, default);
            }
        }
    }

    private async Task CommitAsync()
    {
        while (true)
        {
            await Process.WaitAsync(world.Between(50, 1000), default);
            if (lane is { } open)
            {
                Commit(open);
            }
        }
    }

    private void Commit(SimulatedLane from)
    {
        var (offset, member) = (from.SafeOffset, generation);
        if (offset > stored)
        {
            stored = offset;
            world.Begin(async () =>
            {
                try
                {
                    await Process.CallAsync(scenario.Broker, "offset commit", () => scenario.Broker.Commit(Process, member, offset));
                }
                catch (NoAnswerException)
                {
                    // The client commits the mark again, or the next one.
                    stored = Math.Min(stored, offset - 1);
                }
            });
        }
    }
}
