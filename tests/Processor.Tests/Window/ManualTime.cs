namespace Stockflow.Tests.Window;

/// <summary>A clock that stands still until it is set; its stamps are milliseconds.</summary>
internal sealed class ManualTime : TimeProvider
{
    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public long Now { get; set; } = 1_800_000_000_000;

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => Now;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Now);
}
