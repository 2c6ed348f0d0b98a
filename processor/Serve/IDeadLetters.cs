namespace Stockflow.Serve;

/// <summary>A dead letter without its value. Times in UTC.</summary>
/// <param name="Partition">Of the dead-letter topic.</param>
/// <param name="Offset">Of the dead-letter topic.</param>
/// <param name="FailedAt">When the processor gave the record up.</param>
/// <param name="Reason">Code of the reason.</param>
/// <param name="Stage">Where it failed.</param>
/// <param name="Message">What was wrong, in words.</param>
/// <param name="SourceTopic">Topic that the record came from; null where the letter does not say.</param>
/// <param name="Source">topic/partition/offset of the record.</param>
/// <param name="Key">The record's key as text.</param>
/// <param name="ValueBytes">Length of the value.</param>
/// <param name="Preview">The value's beginning in hexadecimal.</param>
/// <param name="Obstacle">Why it can not be sent again; null where it can.</param>
/// <param name="Replay">When and by whom it was sent again; null where it was not.</param>
public sealed record DeadLetterSummary(
    int Partition, long Offset, DateTime FailedAt, string Reason, string Stage, string Message, string? SourceTopic, string Source,
    string? Key, int ValueBytes, string Preview, string? Obstacle, DeadLetterReplay? Replay);

/// <summary>A letter that was sent again.</summary>
/// <param name="At">When, UTC.</param>
/// <param name="By">Who asked for it.</param>
/// <param name="Key">The caller's idempotency key.</param>
/// <param name="IsSent">False while the broker has not acknowledged it yet.</param>
public sealed record DeadLetterReplay(DateTime At, string By, string Key, bool IsSent);

/// <summary>A dead letter with its bytes.</summary>
/// <param name="Summary">All but the bytes.</param>
/// <param name="Value">The original value; null for a tombstone.</param>
/// <param name="Headers">Every header as text, the processor's too; a name may stand twice.</param>
/// <param name="Hex">The value, or its beginning, in hexadecimal.</param>
/// <param name="Decoded">The value as JSON, or one line that says why there is none.</param>
public sealed record DeadLetterDetail(
    DeadLetterSummary Summary, byte[]? Value, IReadOnlyList<KeyValuePair<string, string?>> Headers, string Hex, string Decoded);

/// <summary>A page of dead letters, the latest first.</summary>
/// <param name="Letters">The letters.</param>
/// <param name="Next">By partition the offset that the next page stays below; null on the last page.</param>
public sealed record DeadLetterPage(IReadOnlyList<DeadLetterSummary> Letters, IReadOnlyDictionary<int, long>? Next);

/// <summary>What became of a replay.</summary>
public enum ReplayOutcome
{
    /// <summary>The broker has acknowledged the record.</summary>
    Sent,

    /// <summary>It was sent before, or is being sent by another call; nothing was done now.</summary>
    AlreadySent,

    /// <summary>There is no such letter.</summary>
    NotFound,

    /// <summary>The letter can not be sent again; see <see cref="DeadLetterSummary.Obstacle"/>.</summary>
    Refused,
}

/// <summary>The outcome and the letter as it is now; null where there is none.</summary>
public sealed record ReplayAnswer(ReplayOutcome Outcome, DeadLetterSummary? Letter);

/// <summary>The dead letters.</summary>
/// <remarks>Every call throws <see cref="Model.StoreUnavailableException"/> where Kafka or the store of the marks does not answer.</remarks>
public interface IDeadLetters
{
    /// <summary>A page, the latest letters first.</summary>
    /// <param name="before">By partition the offset to stay below; null for the first page.</param>
    /// <param name="limit">Letters of the page.</param>
    /// <param name="token">Ends the call.</param>
    Task<DeadLetterPage> ListAsync(IReadOnlyDictionary<int, long>? before, int limit, CancellationToken token);

    /// <summary>One letter, or null.</summary>
    Task<DeadLetterDetail?> FindAsync(int partition, long offset, CancellationToken token);

    /// <summary>Sends a letter's original key, value and headers to the topic that it came from, once.</summary>
    /// <param name="partition">Of the dead-letter topic.</param>
    /// <param name="offset">Of the dead-letter topic.</param>
    /// <param name="key">The caller's idempotency key; kept with the mark.</param>
    /// <param name="performedBy">Who asks.</param>
    /// <param name="token">Ends the waiting; what has begun is sent and marked all the same.</param>
    Task<ReplayAnswer> ReplayAsync(int partition, long offset, string key, string performedBy, CancellationToken token);
}
