namespace Stockflow.Serve.Console;

/// <summary>What the pages with commands share.</summary>
internal static class CommandForms
{
    public const string NobodySaid = "Say first who you are: fill in 'Your id'.";

    /// <summary>The state to filter by, null for none.</summary>
    public static string? State(string? wanted, IReadOnlyList<string> known) =>
        wanted is null || known.Contains(wanted) ? wanted : throw new BadInputException("There is no such state.");

    public static async Task<ConsolePage<T>> ListAsync<T>(Func<Task<ConsolePage<T>>> list)
    {
        try
        {
            return await list().ConfigureAwait(false);
        }
        catch (FormatException)
        {
            throw new BadInputException("The cursor belongs to another list. Begin with the first page.");
        }
    }
}
