namespace Stockflow.Model;

/// <summary>One record as the broker gave it. A null value deletes the key of a compacted topic; BrokerTs in milliseconds since 1970-01-01 UTC.</summary>
public sealed record SourceRecord(
    string Topic, int Partition, long Offset, byte[]? Key, byte[]? Value, IReadOnlyList<KeyValuePair<string, byte[]?>> Headers, long BrokerTs);
