using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>Settings of the positions and their store.</summary>
public sealed record PositionOptions
{
    internal const string Async = "async", Replica = "replica", Fsync = "fsync";

    /// <summary>Redis as host:port, several as host:port,host:port (a master and its replicas, of which the master is used), or <c>memory</c> for a store inside the process (a laptop without Redis: it is gone with the process).</summary>
    public string Connection { get; init; } = "127.0.0.1:6379";

    /// <summary>File that holds the password; the password itself is never a setting.</summary>
    public string? PasswordFile { get; init; }

    public bool Tls { get; init; }

    /// <summary>PEM file with the certificate authority to trust for TLS; null for those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>Start of every key; another prefix is another, independent state.</summary>
    public string KeyPrefix { get; init; } = "inv";

    public int TimeoutMilliseconds { get; init; } = 5000;

    /// <summary>Positions that one lane keeps in memory; beyond that it forgets them all and reads again.</summary>
    public int CachedPositionsPerLane { get; init; } = 500_000;

    /// <summary>
    /// When a command on stock is answered: <c>async</c> once Redis has applied it, <c>replica</c> once a replica has it too, <c>fsync</c> once it is
    /// on disk (Redis must have appendfsync always).
    /// </summary>
    public string CommandDurability { get; init; } = Async;

    /// <summary>How long a command waits for a replica before its answer says <c>async</c>.</summary>
    public int ReplicaWaitMilliseconds { get; init; } = 1000;

    /// <summary>Whether a lane of which Redis has lost everything is rebuilt from the ledger by its processor, or waits for <c>processor rebuild</c>.</summary>
    public bool AutoRebuild { get; init; } = true;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(string.IsNullOrWhiteSpace(Connection), "positions.connection must be host:port or memory");
        SetupException.ThrowIf(KeyPrefix.Length is 0 or > 64 || KeyPrefix.Any(c => c is '{' or '}' or ':' || char.IsWhiteSpace(c)), "positions.keyPrefix must be 1 to 64 characters without braces, colons and blanks");
        SetupException.ThrowIf(TimeoutMilliseconds is < 100 or > 600_000, "positions.timeoutMilliseconds must be from 100 to 600000");
        SetupException.ThrowIf(CachedPositionsPerLane is < 1000 or > 100_000_000, "positions.cachedPositionsPerLane must be from 1000 to 100000000");
        SetupException.ThrowIf(CommandDurability is not (Async or Replica or Fsync), "positions.commandDurability must be async, replica or fsync");
        SetupException.ThrowIf(ReplicaWaitMilliseconds is < 1 or > 60_000 || (CommandDurability == Replica && ReplicaWaitMilliseconds >= TimeoutMilliseconds), "positions.replicaWaitMilliseconds must be from 1 to 60000 and, where commands wait for a replica, below positions.timeoutMilliseconds");
        SetupException.ThrowIf(PasswordFile is not null && !File.Exists(PasswordFile), $"positions.passwordFile: there is no file {PasswordFile}");
        SetupException.ThrowIf(CaFile is not null && !Tls, "positions.caFile needs positions.tls");
        SetupException.ThrowIf(CaFile is not null && !File.Exists(CaFile), $"positions.caFile: there is no file {CaFile}");
    }
}
