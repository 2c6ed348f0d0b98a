namespace Stockflow.Model;

/// <summary>What the Kafka client has measured.</summary>
/// <param name="ReceivedBytes">Bytes received from all brokers since the start.</param>
/// <param name="Latencies">Average round trip by broker in the last interval, seconds.</param>
public sealed record KafkaUsage(long ReceivedBytes, IReadOnlyList<(string Broker, double Seconds)> Latencies);

/// <summary>A Redis by its <c>INFO</c>; of a cluster, one of its servers.</summary>
/// <param name="MemoryBytes">used_memory.</param>
/// <param name="LimitBytes">maxmemory; 0 where there is no limit.</param>
/// <param name="Clients">connected_clients.</param>
/// <param name="Commands">total_commands_processed.</param>
public sealed record RedisUsage(long MemoryBytes, long LimitBytes, long Clients, long Commands);

/// <summary>A ClickHouse table by <c>system.parts</c>.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Parts">Active parts.</param>
/// <param name="PartitionParts">Active parts of the partition that has most.</param>
/// <param name="Rows">Rows in active parts.</param>
/// <param name="Bytes">Bytes on disk of active parts.</param>
public sealed record TableUsage(string Table, long Parts, long PartitionParts, long Rows, long Bytes);
