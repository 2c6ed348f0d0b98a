using System.Net;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>Settings of the embedded ClickHouse server.</summary>
public sealed record ChdbServerOptions
{
    /// <summary>Storage folder.</summary>
    public required string Path { get; init; }

    /// <summary>Address to listen on; the default is reachable from this machine only.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>TCP port; 0 picks a free one.</summary>
    public int Port { get; init; } = 8123;

    /// <summary>User name; with a password, every request must bring both.</summary>
    public string User { get; init; } = "default";

    /// <summary>Password; null answers everybody.</summary>
    public string? Password { get; init; }

    /// <summary>Largest request body after decompression, bytes.</summary>
    public long MaxBodyBytes { get; init; } = 1L << 30;

    /// <summary>Longest statement without INSERT data, bytes.</summary>
    public int MaxStatementBytes { get; init; } = 1 << 20;

    /// <summary>Largest result that has to be held in memory, bytes.</summary>
    public long MaxHeldResultBytes { get; init; } = 512L << 20;

    /// <summary>Queries that run at once. Inserts have places of their own, so a long query never keeps them waiting.</summary>
    public int MaxConcurrentQueries { get; init; } = 16;

    /// <summary>Inserts that run at once.</summary>
    public int MaxConcurrentInserts { get; init; } = 8;

    /// <summary>How long a request waits for a place before it is refused with code 202.</summary>
    public int MaxWaitSeconds { get; init; } = 30;

    /// <summary>Default max_execution_time of queries; a request may set its own.</summary>
    public int QueryTimeoutSeconds { get; init; } = 300;

    /// <summary>How long a stop waits for requests in flight.</summary>
    public int DrainSeconds { get; init; } = 20;

    /// <summary>True to write inserts through to the disk before they are acknowledged; needed only against power loss.</summary>
    public bool Fsync { get; init; }

    /// <exception cref="SetupException">A value is out of its range.</exception>
    public void Validate()
    {
        if (!IPAddress.TryParse(Host, out var address))
        {
            throw new SetupException($"host: '{Host}' is not an IP address; use 127.0.0.1 or 0.0.0.0");
        }

        if (!IPAddress.IsLoopback(address) && string.IsNullOrEmpty(Password))
        {
            throw new SetupException($"host: {Host} can be reached from other machines; set a password by --password-file");
        }

        if (Port is < 0 or > 65535)
        {
            throw new SetupException($"port: {Port} is not between 0 and 65535");
        }
    }
}
