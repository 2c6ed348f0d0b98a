namespace Stockflow.Avro;

/// <summary>Bounds on what a reader accepts, so that hostile bytes cost neither memory nor time.</summary>
public sealed record AvroLimits
{
    /// <summary>The limits used where none are given.</summary>
    public static AvroLimits Default { get; } = new();

    /// <summary>Largest string or bytes value, bytes. (A fixed has its schema's size.)</summary>
    public int MaxBytes { get; init; } = 1024 * 1024;

    /// <summary>Most array items, map entries and nested records in one body, all together.</summary>
    public int MaxItems { get; init; } = 100_000;

    /// <summary>Deepest nesting of records, arrays, maps and unions.</summary>
    public int MaxDepth { get; init; } = 64;

    /// <summary>Largest body, bytes.</summary>
    public int MaxBodyBytes { get; init; } = 16 * 1024 * 1024;
}
