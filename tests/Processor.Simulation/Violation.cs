namespace Stockflow.Simulation;

/// <summary>A promise was broken.</summary>
internal sealed class Violation(string message) : Exception(message)
{
    public static void ThrowIf(bool broken, string message)
    {
        if (broken)
        {
            throw new Violation(message);
        }
    }
}
