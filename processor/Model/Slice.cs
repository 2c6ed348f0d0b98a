namespace Stockflow.Model;

/// <summary>A run of bytes in a batch's arena. <c>Start</c> is -1 where the value is absent.</summary>
public readonly record struct Slice(int Start, int Length)
{
    public static readonly Slice None = new(-1, 0);

    public bool IsPresent => Start >= 0;
}
