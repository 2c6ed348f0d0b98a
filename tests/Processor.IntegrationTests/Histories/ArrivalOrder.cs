namespace Stockflow.IntegrationTests.Histories;

/// <summary>Orders in which a history reaches the processor.</summary>
public enum ArrivalOrder
{
    /// <summary>Soon after it happened, a third of it up to 30 days late; hours are closed as time goes on.</summary>
    Late,

    /// <summary>The latest first, so that nearly all of it comes for closed hours.</summary>
    Reversed,

    /// <summary>Anyhow.</summary>
    Shuffled,

    /// <summary>Anyhow, with accounting periods locked on the way.</summary>
    ShuffledWithLocks,
}
