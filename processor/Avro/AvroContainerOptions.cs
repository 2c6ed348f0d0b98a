namespace Stockflow.Avro;

/// <summary>Bounds and settings of container files.</summary>
public sealed record AvroContainerOptions
{
    /// <summary>The settings used where none are given.</summary>
    public static AvroContainerOptions Default { get; } = new();

    /// <summary>Largest block accepted, bytes, both as stored and decompressed.</summary>
    public int MaxBlockBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most records accepted in a block.</summary>
    public int MaxBlockRecords { get; init; } = 10_000_000;

    /// <summary>Largest metadata value accepted, bytes.</summary>
    public int MaxMetadataBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Size at which a writer ends a block, bytes before compression.</summary>
    public int BlockBytes { get; init; } = 64 * 1024;

    /// <summary>Codec of a writer: null, deflate or zstandard.</summary>
    public string Codec { get; init; } = AvroCodec.Null;

    /// <summary>Bounds on each record.</summary>
    public AvroLimits Limits { get; init; } = AvroLimits.Default;

    /// <summary>Further metadata of a written file; names that start with <c>avro.</c> are reserved.</summary>
    public IReadOnlyDictionary<string, byte[]> Metadata { get; init; } = new Dictionary<string, byte[]>();

    /// <summary>The 16 bytes between a written file's blocks; null for random ones.</summary>
    public byte[]? SyncMarker { get; init; }
}
