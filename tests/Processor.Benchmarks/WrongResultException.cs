namespace Stockflow.Benchmarks;

/// <summary>What was measured did not do its work; its figures mean nothing.</summary>
public sealed class WrongResultException(string message) : Exception(message)
{
    /// <exception cref="WrongResultException">The two differ.</exception>
    public static void ThrowUnlessEqual(string what, long expected, long actual)
    {
        if (expected != actual)
        {
            throw new WrongResultException($"{what}: {actual:N0}, but the independent count says {expected:N0}.");
        }
    }
}
