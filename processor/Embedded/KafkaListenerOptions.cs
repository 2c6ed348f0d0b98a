using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>Settings of the embedded Kafka listener.</summary>
public sealed record KafkaListenerOptions
{
    /// <summary>Topics created before anybody can connect. A topic that a client asks for later appears with 4 partitions.</summary>
    public IReadOnlyList<KafkaTopic> Topics { get; init; } = [];

    /// <summary>Brokers, each on a port of its own. Their ids begin at 1.</summary>
    public int Brokers { get; init; } = 1;

    /// <summary>A fixed bootstrap port on 127.0.0.1, or 0 for none. Clients are sent on to the brokers' own ports.</summary>
    public int BootstrapPort { get; init; }

    /// <summary>
    /// How long a group that was empty waits for more members. Kafka's own default of 3 s saves rebalances in a cluster
    /// that starts; on one machine it only delays.
    /// </summary>
    public TimeSpan InitialRebalanceDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <exception cref="SetupException">A value is outside its range; the message names it.</exception>
    public void Validate()
    {
        if (Brokers is < 1 or > 9)
        {
            throw new SetupException($"brokers is {Brokers}; use 1 to 9.");
        }

        if (BootstrapPort is < 0 or > ushort.MaxValue)
        {
            throw new SetupException($"port is {BootstrapPort}; use 1 to 65535, or 0 for any.");
        }

        if (InitialRebalanceDelay < TimeSpan.Zero || InitialRebalanceDelay > TimeSpan.FromMinutes(1))
        {
            throw new SetupException($"the initial rebalance delay is {InitialRebalanceDelay}; use 0 to 60,000 milliseconds.");
        }
    }
}
