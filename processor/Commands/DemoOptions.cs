using Stockflow.Embedded;

namespace Stockflow.Commands;

/// <summary>What <c>processor demo</c> was asked for.</summary>
internal sealed record DemoOptions
{
    public required GeneratorOptions Generator { get; init; }

    /// <summary>Events a second at most; 0 for as fast as the processor takes them.</summary>
    public required double Rate { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>Stay after the check until Ctrl+C.</summary>
    public required bool Keep { get; init; }

    /// <summary>Folder for data and logs; null for a temporary one.</summary>
    public required string? DataDirectory { get; init; }

    /// <summary>Port of the HTTP API; 0 for any.</summary>
    public required int Port { get; init; }

    /// <summary>Keep positions in the processor's memory even where redis-server is installed.</summary>
    public required bool WithoutRedis { get; init; }
}
