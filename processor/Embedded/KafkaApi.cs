namespace Stockflow.Embedded;

/// <summary>Kafka request types by their protocol number (Kafka protocol guide, "Api Keys"): those that faults are useful for.</summary>
public enum KafkaApi : short
{
    /// <summary>Append record batches.</summary>
    Produce = 0,

    /// <summary>Read record batches.</summary>
    Fetch = 1,

    /// <summary>Ask for a partition's earliest or latest offset, or the one at a time.</summary>
    ListOffsets = 2,

    /// <summary>Ask for brokers, topics and partition leaders.</summary>
    Metadata = 3,

    /// <summary>Store a group's offsets.</summary>
    OffsetCommit = 8,

    /// <summary>Read a group's offsets.</summary>
    OffsetFetch = 9,

    /// <summary>Ask for the broker that coordinates a group or a transactional producer.</summary>
    FindCoordinator = 10,

    /// <summary>Enter a group's rebalance.</summary>
    JoinGroup = 11,

    /// <summary>Stay a member of a group.</summary>
    Heartbeat = 12,

    /// <summary>Leave a group.</summary>
    LeaveGroup = 13,

    /// <summary>Receive a group's assignment.</summary>
    SyncGroup = 14,

    /// <summary>Receive a producer id and epoch.</summary>
    InitProducerId = 22,
}
