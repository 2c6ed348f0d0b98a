namespace Stockflow.Telemetry;

/// <summary>
/// Every log event. Ids are unique and stable, for people who search by them: 1xx process, 2xx source, 3xx decode and registry,
/// 4xx dedupe and positions, 5xx history, 6xx HTTP, 7xx embedded parts.
/// </summary>
public static partial class Log
{
    [LoggerMessage(201, LogLevel.Information, "Partition {Partition} assigned: epoch {Epoch}, positions at {Positions}, history at {History}")]
    public static partial void LaneOpened(this ILogger logger, int partition, long epoch, long positions, long history);

    [LoggerMessage(202, LogLevel.Information, "Partition {Partition} closed at {Next}, committed {Committed}")]
    public static partial void LaneClosed(this ILogger logger, int partition, long next, long committed);

    [LoggerMessage(203, LogLevel.Warning, "Partition {Partition} did not drain within {Seconds} s; what it had not finished is read again")]
    public static partial void LaneNotDrained(this ILogger logger, int partition, double seconds);

    [LoggerMessage(204, LogLevel.Warning, "Partition {Partition} starts again: {Reason}")]
    public static partial void LaneRestarts(this ILogger logger, int partition, string reason);

    [LoggerMessage(205, LogLevel.Warning, "Kafka: {Reason}")]
    public static partial void KafkaError(this ILogger logger, string reason);

    [LoggerMessage(206, LogLevel.Warning, "Offset commit failed, tried again with the next one: {Reason}")]
    public static partial void OffsetCommitFailed(this ILogger logger, string reason);

    [LoggerMessage(207, LogLevel.Information, "Reference data read: {Skus} SKUs, {Locations} locations")]
    public static partial void ReferenceLoaded(this ILogger logger, int skus, int locations);

    [LoggerMessage(208, LogLevel.Warning, "Reference record in {Topic} at partition {Partition}, offset {Offset} is ignored: {Reason}")]
    public static partial void ReferenceIgnored(this ILogger logger, string topic, int partition, long offset, string reason);

    [LoggerMessage(209, LogLevel.Warning, "Partition {Partition} lost its place in the log: {Reason}")]
    public static partial void PlaceLost(this ILogger logger, int partition, string reason);

    [LoggerMessage(219, LogLevel.Warning, "Versions of reference data wait for ClickHouse: {Reason}")]
    public static partial void VersionsWait(this ILogger logger, string reason);

    [LoggerMessage(210, LogLevel.Warning, "Reference data waits for the schema registry: {Reason}")]
    public static partial void ReferenceWaits(this ILogger logger, string reason);

    [LoggerMessage(211, LogLevel.Error, "Partition {Partition}: the position store has no record of it though the group has committed offset {Committed}. The store lost its data; the lane waits until it is rebuilt from the ledger (by the processor itself with positions.autoRebuild, else by 'processor rebuild')")]
    public static partial void AwaitsRebuild(this ILogger logger, int partition, long committed);

    [LoggerMessage(212, LogLevel.Warning, "Rebuild: {Progress}")]
    public static partial void RebuildProgress(this ILogger logger, string progress);

    [LoggerMessage(213, LogLevel.Warning, "Partition {Partition} could not be rebuilt, tried again: {Reason}")]
    public static partial void RebuildFailed(this ILogger logger, int partition, string reason);

    [LoggerMessage(301, LogLevel.Warning, "Schema registry {Url} does not answer, try {Attempt}: {Reason}")]
    public static partial void RegistryUnreachable(this ILogger logger, string url, int attempt, string reason);

    [LoggerMessage(302, LogLevel.Information, "Schema {Id} fetched from the registry")]
    public static partial void SchemaFetched(this ILogger logger, int id);

    [LoggerMessage(303, LogLevel.Warning, "The schema registry has no schema {Id}")]
    public static partial void SchemaAbsent(this ILogger logger, int id);

    [LoggerMessage(304, LogLevel.Warning, "Schema {Id} of the registry can not be used: {Reason}")]
    public static partial void SchemaUnusable(this ILogger logger, int id, string reason);

    [LoggerMessage(310, LogLevel.Warning, "Partition {Partition} waits for the schema registry: {Reason}")]
    public static partial void RegistryWaits(this ILogger logger, int partition, string reason);

    [LoggerMessage(311, LogLevel.Warning, "Partition {Partition} of {Topic} waits for the dead-letter topic: {Reason}")]
    public static partial void DeadLettersWait(this ILogger logger, int partition, string topic, string reason);

    [LoggerMessage(401, LogLevel.Warning, "Partition {Partition} waits for the position store: {Reason}")]
    public static partial void PositionsUnavailable(this ILogger logger, int partition, string reason);

    [LoggerMessage(402, LogLevel.Warning, "Partition {Partition} has {Count} late counts that wait for the ledger: {Reason}")]
    public static partial void SettlementWaits(this ILogger logger, int partition, int count, string reason);

    [LoggerMessage(411, LogLevel.Warning, "Redis at {Name} keeps no append-only file (appendonly no): after a crash it comes back without its last changes or empty; an empty one is filled by 'processor rebuild'")]
    public static partial void PositionsNotPersistent(this ILogger logger, string name);

    [LoggerMessage(412, LogLevel.Warning, "Redis at {Name} is nearly full: {Used} of maxmemory {Limit} MB are used; once it is full, lanes wait")]
    public static partial void PositionsNearlyFull(this ILogger logger, string name, long used, long limit);

    [LoggerMessage(413, LogLevel.Warning, "The start waits for the position store: {Reason}")]
    public static partial void StartWaits(this ILogger logger, string reason);

    [LoggerMessage(501, LogLevel.Warning, "History waits for ClickHouse: {Reason}")]
    public static partial void HistoryUnavailable(this ILogger logger, string reason);

    [LoggerMessage(502, LogLevel.Warning, "Partition {Partition}: positions go on without the history from offset {Offset} on; those records are read again when ClickHouse has room")]
    public static partial void HistorySkips(this ILogger logger, int partition, long offset);

    [LoggerMessage(503, LogLevel.Information, "Partition {Partition}: records {From} to {To} are read again for the history")]
    public static partial void HistoryCatchesUp(this ILogger logger, int partition, long from, long to);

    [LoggerMessage(511, LogLevel.Information, "Closed {Hours} hours, through {Through}; restated {Keys} positions, {Postings} postings to locked periods, {Seconds} s")]
    public static partial void HoursClosed(this ILogger logger, long hours, DateTimeOffset through, long keys, long postings, double seconds);

    [LoggerMessage(512, LogLevel.Warning, "Hours are not closed for now: {Reason}")]
    public static partial void CloseWaits(this ILogger logger, string reason);

    [LoggerMessage(513, LogLevel.Warning, "Quality rule {Rule} fails: observed {Observed}, bound {Threshold}, {Violations} violations")]
    public static partial void QualityFails(this ILogger logger, string rule, double? observed, double threshold, long violations);

    [LoggerMessage(514, LogLevel.Information, "Quality rule {Rule} holds again")]
    public static partial void QualityHolds(this ILogger logger, string rule);

    [LoggerMessage(515, LogLevel.Warning, "Quality rules are not evaluated for now: {Reason}")]
    public static partial void QualityWaits(this ILogger logger, string reason);

    [LoggerMessage(600, LogLevel.Warning, "Background work did not end within {Seconds} s; stopping without it")]
    public static partial void StoppedWithoutWaiting(this ILogger logger, double seconds);

    [LoggerMessage(601, LogLevel.Information, "HTTP API listens on {Urls}")]
    public static partial void HttpListening(this ILogger logger, string urls);

    [LoggerMessage(602, LogLevel.Error, "Request {Method} {Route} failed")]
    public static partial void HttpFailed(this ILogger logger, Exception error, string method, string route);

    [LoggerMessage(603, LogLevel.Warning, "Position store did not answer a request: {Reason}")]
    public static partial void HttpStoreUnavailable(this ILogger logger, string reason);

    [LoggerMessage(604, LogLevel.Warning, "Commands on stock wait with {Work}: {Reason}")]
    public static partial void StockWaits(this ILogger logger, string work, string reason);

    [LoggerMessage(605, LogLevel.Warning, "Console: a sign-in from {Address} was refused")]
    public static partial void ConsoleSignInRefused(this ILogger logger, string? address);

    [LoggerMessage(606, LogLevel.Information, "Console: {Person} asked for {Action} of {Subject}: {Outcome}")]
    public static partial void ConsoleCommand(this ILogger logger, string person, string action, string subject, string outcome);

    [LoggerMessage(607, LogLevel.Warning, "Dead letters can not be read or sent: {Reason}")]
    public static partial void DeadLettersUnavailable(this ILogger logger, string reason);

    [LoggerMessage(701, LogLevel.Information, "Schema registry listens on {Url} with {Count} schemas")]
    public static partial void RegistryListening(this ILogger logger, string url, int count);
}
