namespace Stockflow.Model;

/// <summary>Offsets of one partition from <see cref="From"/> up to, and without, <see cref="To"/>.</summary>
public readonly record struct OffsetRange(int Partition, long From, long To)
{
    public long Length => Math.Max(0, To - From);
}
