namespace Stockflow.Model;

/// <summary>What became of a record; the numbers are those of column verdict of table raw_events.</summary>
public enum Verdict : byte
{
    Pending,
    Accepted,
    Duplicate,
    DeadLetter,
}
