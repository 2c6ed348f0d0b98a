namespace Stockflow.Simulation;

/// <summary>Chooses what befalls processes and servers, and plays the group's coordinator and the supervisor that restarts processes.</summary>
internal sealed class Faults(Scenario scenario)
{
    private readonly World world = scenario.World;
    private readonly FaultPlan plan = scenario.Plan;
    private readonly SimulatedBroker broker = scenario.Broker;
    private Member? owner;
    private bool isRebalancing, isOver;

    public async Task RunAsync()
    {
        broker.Append(world.Random.Next(1, scenario.History.Log.Count));
        for (var i = world.Random.Next(1, 4); i > 0; i--)
        {
            scenario.AddMember();
        }

        Assign(scenario.Members[0]);
        world.Begin(RebuildAsync);
        var end = world.Now + TimeSpan.FromSeconds(plan.FaultSeconds);
        while (world.Now < end)
        {
            await world.WaitAsync(world.Between(1, plan.FaultEveryMilliseconds * 2));
            if (world.Random.Next(3) == 0)
            {
                // The last record comes when all is well again.
                broker.Append(Math.Min(world.Random.Next(1, 10), scenario.History.Log.Count - 1 - broker.End));
            }

            Strike();
        }

        isOver = true;
        plan.Heal();
    }

    // An operator finds a lane that waits because Redis has nothing of it, though the group has committed.
    private async Task RebuildAsync()
    {
        while (true)
        {
            await world.WaitAsync(world.Between(1000, 15_000));
            if (scenario.Store is { IsUp: true, NextOffset: < 0 } store && scenario.Ledger.IsUp && broker.Committed >= 0)
            {
                store.Rebuild(scenario.Expectation.Rebuilt(scenario.Ledger.Rows.Where(offset => offset < broker.Committed).ToList(), broker.Committed));
            }
        }
    }

    private void Strike()
    {
        var kinds = (ReadOnlySpan<(double Weight, Action Kind)>)
        [
            (plan.Crash, Crash), (plan.TakeOver, TakeOver), (plan.Rebalance, Rebalance), (plan.Pause, Pause), (plan.StoreAway, StoreAway),
            (plan.LedgerAway, LedgerAway), (plan.LostTail, LoseTail),
        ];
        var sum = 0.0;
        foreach (var (weight, _) in kinds)
        {
            sum += weight;
        }

        var drawn = world.Random.NextDouble() * sum;
        foreach (var (weight, kind) in kinds)
        {
            drawn -= weight;
            if (drawn < 0)
            {
                kind();
                return;
            }
        }
    }

    private List<Member> Living() => [.. scenario.Members.Where(m => !m.Process.IsDead)];

    private Member Any(List<Member> of) => of[world.Random.Next(of.Count)];

    private void Crash()
    {
        // Mostly the one that has the lane.
        var victim = owner is { Process.IsDead: false } && world.Random.Next(4) > 0 ? owner : Living() is { Count: > 0 } living ? Any(living) : null;
        if (victim is null)
        {
            return;
        }

        victim.Process.Crash();
        world.After(world.Between(1, 10_000), () => scenario.AddMember());
        if (victim == owner)
        {
            NoticeDeath(victim);
        }
    }

    // The session ends; nobody may live just then.
    private void NoticeDeath(Member dead) => world.After(world.Between(10, 10_000), () =>
    {
        if (owner != dead)
        {
            return;
        }

        if (Living() is { Count: > 0 } living)
        {
            Assign(Any(living));
        }
        else
        {
            NoticeDeath(dead);
        }
    });

    // The group gives the partition to another while the former owner still thinks that it has it.
    private void TakeOver()
    {
        var others = Living();
        others.RemoveAll(m => m == owner);
        if (others.Count == 0)
        {
            others.Add(scenario.AddMember());
        }

        world.Count("take-overs");
        Assign(Any(others));
    }

    private void Rebalance()
    {
        if (isRebalancing || owner is not { Process.IsDead: false } former)
        {
            return;
        }

        world.Count("rebalances");
        isRebalancing = true;
        var generation = broker.Generation;
        former.Process.Deliver(() => world.Begin(() => former.RevokedAsync(generation, Next)));
        world.After(TimeSpan.FromSeconds(20), Next);

        void Next()
        {
            isRebalancing = false;
            if (broker.Generation == generation)
            {
                generation = -1;
                if (Living() is { Count: > 0 } living)
                {
                    Assign(Any(living));
                }
            }
        }
    }

    private void Pause()
    {
        if (Living().FindAll(m => !m.Process.IsPaused) is { Count: > 0 } living)
        {
            Any(living).Process.Pause(Span(20_000));
        }
    }

    // Faults that come fast are short ones, or nothing would ever work between them.
    private TimeSpan Span(double longest) => world.Between(10, Math.Max(20, Math.Min(longest, plan.FaultEveryMilliseconds * 4)));

    private void StoreAway() => scenario.Store.GoAway(world, Span(10_000));

    private void LedgerAway() => scenario.Ledger.GoAway(world, Span(40_000));

    private void LoseTail()
    {
        var most = world.Random.Next(10) == 0 ? scenario.Store.Changes : Math.Min(6, scenario.Store.Changes);
        scenario.Store.LoseTail(world.Random.Next(0, most + 1));
        scenario.Store.GoAway(world, Span(3000));
    }

    private void Assign(Member to)
    {
        var former = owner;
        owner = to;
        var generation = broker.Assign(to.Process);
        world.After(world.Between(1, 500), () => to.Process.Deliver(() =>
        {
            if (broker.Generation == generation)
            {
                to.Assigned(generation);
            }
        }));
        if (former is not null && former != to)
        {
            // A heartbeat tells it, sooner or later.
            world.After(world.Between(1, isOver ? 100 : 15_000), () => former.Process.Deliver(() => former.Lost(generation)));
        }

        if (to.Process.IsDead)
        {
            NoticeDeath(to);
        }
    }
}
