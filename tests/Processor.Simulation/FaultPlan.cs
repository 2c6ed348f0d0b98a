namespace Stockflow.Simulation;

/// <summary>What may go wrong in one run, and how often. Each seed draws its own mix, so that some runs have one kind of fault only.</summary>
internal sealed class FaultPlan
{
    public FaultPlan(Random random)
    {
        // Where verdicts change with time there is no telling what a lost tail should have become: those runs lose none.
        VerdictsChange = random.Next(4) == 0;
        LostRequest = Draw(0.15);
        LostReply = Draw(0.15);
        Duplicate = Draw(0.2);
        Late = Draw(0.1);
        PartialInsert = Draw(0.3);
        Crash = Draw(1);
        TakeOver = Draw(1);
        Rebalance = Draw(1);
        Pause = Draw(1);
        StoreAway = Draw(0.5);
        LedgerAway = Draw(0.5);
        LostTail = VerdictsChange ? 0 : Draw(1);
        LostTailAtAcquire = LostTail * 0.25;
        FaultEveryMilliseconds = Math.Pow(10, 2.5 + (random.NextDouble() * 1.8));
        FaultSeconds = random.Next(5, 120);
        SmallCache = random.Next(3) == 0;
        StageMilliseconds = random.Next(3) switch { 0 => 0.1, 1 => 5, _ => 100 };
        ShortHorizon = VerdictsChange && random.Next(2) == 0;

        double Draw(double most) => random.Next(2) == 0 ? 0 : random.NextDouble() * most;
    }

    /// <summary>Probabilities by message.</summary>
    public double LostRequest { get; private set; }

    public double LostReply { get; private set; }

    public double Duplicate { get; private set; }

    /// <summary>A message takes seconds, and may arrive when its sender has long given up or died.</summary>
    public double Late { get; private set; }

    public double PartialInsert { get; private set; }

    /// <summary>Weights of what befalls processes and servers.</summary>
    public double Crash { get; }

    public double TakeOver { get; }

    public double Rebalance { get; }

    public double Pause { get; }

    public double StoreAway { get; }

    public double LedgerAway { get; }

    public double LostTail { get; }

    /// <summary>How often a tail is lost just when a lane opens.</summary>
    public double LostTailAtAcquire { get; private set; }

    public double FaultEveryMilliseconds { get; }

    public int FaultSeconds { get; }

    public bool SmallCache { get; }

    /// <summary>How long a stage takes with a batch at most.</summary>
    public double StageMilliseconds { get; }

    /// <summary>Some records are good or bad depending on when they are read (reference data that comes and goes).</summary>
    public bool VerdictsChange { get; }

    /// <summary>Fingerprints expire during the run.</summary>
    public bool ShortHorizon { get; }

    /// <summary>From here on every message arrives, once and soon.</summary>
    public void Heal() => LostRequest = LostReply = Duplicate = Late = PartialInsert = LostTailAtAcquire = 0;
}
