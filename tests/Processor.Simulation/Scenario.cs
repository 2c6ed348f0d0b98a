namespace Stockflow.Simulation;

/// <summary>What one seed came to.</summary>
/// <param name="Failure">The broken promise, or null.</param>
/// <param name="Figures">What happened how often.</param>
public sealed record SimulationResult(int Seed, Exception? Failure, IReadOnlyDictionary<string, long> Figures, long Steps, TimeSpan Elapsed);

/// <summary>
/// One run of the commit protocol: processes, Redis, ClickHouse and Kafka on one virtual clock, with the faults that the seed chooses.
/// After a while nothing fails any more; then everything must come to rest where the log says.
/// </summary>
public sealed class Scenario
{
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(20), LatestMessage = TimeSpan.FromSeconds(40);
    private readonly List<Member> members = [];

    private Scenario(int seed, Mutant mutant, TextWriter? trace)
    {
        Mutant = mutant;
        World = new World(seed, trace);
        Plan = new FaultPlan(World.Random);
        History = new LaneHistory(World.Random, Plan.VerdictsChange, Plan.ShortHorizon);
        Network = new Network(World, Plan);
        Expectation = new Expectation(History, Plan);
        Store = new SimulatedStore(World, Plan, Expectation, mutant);
        Ledger = new SimulatedLedger(World, Plan, History, Expectation, Store);
        Broker = new SimulatedBroker(World, History, Expectation, Store, Ledger);
    }

    internal Mutant Mutant { get; }

    internal World World { get; }

    internal FaultPlan Plan { get; }

    internal LaneHistory History { get; }

    internal Network Network { get; }

    internal Expectation Expectation { get; }

    internal SimulatedStore Store { get; }

    internal SimulatedLedger Ledger { get; }

    internal SimulatedBroker Broker { get; }

    internal IReadOnlyList<Member> Members => members;

    /// <summary>Runs one seed on the calling thread; with a <paramref name="trace"/> it writes down every step.</summary>
    public static SimulationResult Run(int seed, Mutant mutant = Mutant.None, TextWriter? trace = null)
    {
        var scenario = new Scenario(seed, mutant, trace);
        Exception? failure = null;
        try
        {
            scenario.World.Run(scenario.RunAsync);
        }
        catch (Exception e)
        {
            failure = e;
            scenario.World.Say("", e is Violation ? e.Message : e.ToString());
        }

        return new SimulationResult(seed, failure, scenario.World.Figures, scenario.World.Steps, scenario.World.Elapsed);
    }

    internal Member AddMember()
    {
        var member = new Member(this, $"p{members.Count + 1}");
        members.Add(member);
        return member;
    }

    private async Task RunAsync()
    {
        var faults = new Faults(this);
        await faults.RunAsync();
        World.Say("", "nothing fails from here on");
        var healed = World.Now;
        await World.WaitAsync(World.Between(0, 3000));

        // What a store has lost shows at the next commit, so there is one.
        Broker.Append(History.Log.Count);
        var restingSince = World.Now;
        while (World.Now - restingSince < LatestMessage)
        {
            await World.WaitAsync(TimeSpan.FromSeconds(1));
            if (Broker.Furthest != History.Log.Count || Store.NextOffset != History.Log.Count || Store.Unsettled.Count > 0)
            {
                restingSince = World.Now;
            }

            Violation.ThrowIf(World.Now - healed > LongestRest, $"The lane does not come to rest: {this}");
        }

        Expectation.CheckAll(Store.Positions());
        var seen = Store.Seen().SelectMany(bucket => bucket.Entries.Select(entry => entry.Offset)).Order();
        Violation.ThrowIf(!Plan.ShortHorizon && !seen.SequenceEqual(Expectation.Accepted), "The store's fingerprints are not those of the accepted records.");
        Violation.ThrowIf(!Ledger.Rows.Order().SequenceEqual(Expectation.Accepted), "The ledger does not hold the accepted records.");
        Violation.ThrowIf(Ledger.Raw.Count != History.Log.Count, "The history lacks records.");
        World.Say("", "all is as it should be");
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{History.Log.Count} records; {Store.Unsettled.Count} unsettled; positions {Store.NextOffset}, committed {Broker.Furthest}; "
        + string.Join("; ", members.Where(m => !m.Process.IsDead));
}
