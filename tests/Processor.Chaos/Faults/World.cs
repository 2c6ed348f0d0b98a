using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Faults;

/// <summary>The servers of a run, as the faults see them.</summary>
internal sealed class World : IDisposable
{
    public const int MostProcessors = 3;

    public required string Processor { get; init; }

    public required string Folder { get; init; }

    public required KafkaServer Kafka { get; init; }

    public required RedisServer Redis { get; init; }

    public required ClickHouseServer ClickHouse { get; init; }

    /// <summary>The schema registry, or null where processors read the schemas from their own folder.</summary>
    public required RegistryServer? Registry { get; init; }

    /// <summary>Whether processors keep their place in the group over a restart (group.instance.id).</summary>
    public required bool HasStaticMembers { get; init; }

    public required IReadOnlyList<ProcessorInstance> Processors { get; init; }

    public required Journal Journal { get; init; }

    /// <summary>Session timeout of the consumer group.</summary>
    public required TimeSpan SessionTimeout { get; init; }

    /// <summary>How long a processor waits for Redis before it takes the outcome for unknown.</summary>
    public required TimeSpan RedisTimeout { get; init; }

    /// <summary>Whether this processor has the command 'rebuild'.</summary>
    public required bool CanRebuild { get; init; }

    public IReadOnlyList<ProcessorInstance> Wanted => [.. Processors.Where(p => p.IsWanted)];

    /// <summary>Starts what is wanted and notes what Redis has written, until told to stop.</summary>
    public async Task SuperviseAsync(CancellationToken token)
    {
        while (!token.IsCancellationRequested)
        {
            if (Kafka.Death is { } death)
            {
                throw new InvalidOperationException(death + "; the log is gone with it");
            }

            foreach (var processor in Processors)
            {
                processor.Supervise();
            }

            Redis.NoteSize();
            await Task.Delay(50, CancellationToken.None);
        }
    }

    public void Dispose()
    {
        foreach (var processor in Processors)
        {
            processor.Dispose();
        }

        Kafka.Dispose();
        Redis.Dispose();
        Registry?.Dispose();
        ClickHouse.Dispose();
        ClickHouse.Disk?.Dispose();
    }
}
