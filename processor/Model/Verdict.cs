namespace Stockflow.Model;

/// <summary>What became of a record.</summary>
public enum Verdict : byte
{
    Pending,
    Accepted,
    Duplicate,
    DeadLetter,
}
