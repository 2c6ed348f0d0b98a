namespace Stockflow.Serve.Console;

/// <summary>What people may do in the console. A part that is null is shown as unavailable.</summary>
public sealed record ConsoleServices
{
    public IConsoleReservations? Reservations { get; init; }

    public IConsoleCounts? Counts { get; init; }

    public IDeadLetters? DeadLetters { get; init; }
}

/// <summary>A page of a list.</summary>
/// <param name="Items">The items, in the list's order.</param>
/// <param name="Next">Cursor of the following page, opaque to the console; null on the last one.</param>
public sealed record ConsolePage<T>(IReadOnlyList<T> Items, string? Next);
