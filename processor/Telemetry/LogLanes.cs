namespace Stockflow.Telemetry;

public static partial class Log
{
    [LoggerMessage(201, LogLevel.Information, "Partition {Partition} assigned: epoch {Epoch}, starts at {Start} (positions at {Positions}, history at {History})")]
    public static partial void LaneOpened(this ILogger logger, int partition, long epoch, long start, long positions, long history);

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

    [LoggerMessage(210, LogLevel.Warning, "Reference data waits for the schema registry: {Reason}")]
    public static partial void ReferenceWaits(this ILogger logger, string reason);

    [LoggerMessage(209, LogLevel.Warning, "Partition {Partition} lost its place in the log: {Reason}")]
    public static partial void PlaceLost(this ILogger logger, int partition, string reason);

    [LoggerMessage(310, LogLevel.Warning, "Partition {Partition} waits for the schema registry: {Reason}")]
    public static partial void RegistryWaits(this ILogger logger, int partition, string reason);

    [LoggerMessage(311, LogLevel.Warning, "Partition {Partition} waits for the dead-letter topic: {Reason}")]
    public static partial void DeadLettersWait(this ILogger logger, int partition, string reason);

    [LoggerMessage(401, LogLevel.Warning, "Partition {Partition} waits for the position store: {Reason}")]
    public static partial void PositionsUnavailable(this ILogger logger, int partition, string reason);

    [LoggerMessage(402, LogLevel.Warning, "Partition {Partition} has {Count} late counts that wait for the ledger: {Reason}")]
    public static partial void SettlementWaits(this ILogger logger, int partition, int count, string reason);

    [LoggerMessage(501, LogLevel.Warning, "History waits for ClickHouse: {Reason}")]
    public static partial void HistoryUnavailable(this ILogger logger, string reason);
}
