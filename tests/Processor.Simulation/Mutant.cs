namespace Stockflow.Simulation;

/// <summary>A deliberate error in the protocol, to see that the simulation finds it.</summary>
public enum Mutant
{
    None,

    /// <summary>The store applies a commit whatever offset it stands at.</summary>
    NoOffsetCheck,

    /// <summary>The store applies a commit of any epoch.</summary>
    NoEpochCheck,

    /// <summary>The offset is committed to Kafka as soon as the positions have it.</summary>
    CommitBeforeDurable,

    /// <summary>A lane that is taken keeps the epoch of its former owner.</summary>
    NoNewEpoch,

    /// <summary>A replayed record is judged anew.</summary>
    NoRecall,

    /// <summary>A lane goes on at the group's commit, also where the store stands before it.</summary>
    StartAtCommit,

    /// <summary>An insert that was not answered counts as durable.</summary>
    UnansweredInsertIsDurable,

    /// <summary>The store applies a commit whatever revision it has: a settlement that it lost is not missed.</summary>
    NoRevision,

    /// <summary>What the history lacks below the positions is not read again.</summary>
    NoGap,

    /// <summary>A batch that the history had no room for leaves no gap.</summary>
    SkippedIsWritten,

    /// <summary>A lane does not ask whether the store still has its epoch when it has loaded the fingerprints.</summary>
    NoCheckAfterLoad,
}
