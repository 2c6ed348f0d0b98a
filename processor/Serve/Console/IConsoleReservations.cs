namespace Stockflow.Serve.Console;

/// <summary>Units of one SKU at one location.</summary>
public sealed record ConsoleReservationLine(string SkuId, string LocationId, long Units);

/// <summary>A reservation. Times in UTC.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State">One of <see cref="IConsoleReservations.States"/>.</param>
/// <param name="Kind">Such as soft or hard; null where there is one kind.</param>
/// <param name="Reference">Order or cart that it is for; null without one.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends by itself; null where it does not.</param>
/// <param name="CanRelease">Whether releasing it makes sense in its state.</param>
/// <param name="Lines">What it holds.</param>
public sealed record ConsoleReservation(
    string Id, string State, string? Kind, string? Reference, DateTime CreatedAt, DateTime? ExpiresAt, bool CanRelease,
    IReadOnlyList<ConsoleReservationLine> Lines);

/// <summary>Reservations for the console.</summary>
/// <remarks>Calls throw <see cref="Model.StoreUnavailableException"/> where the store does not answer.</remarks>
public interface IConsoleReservations
{
    /// <summary>The states to filter by.</summary>
    IReadOnlyList<string> States { get; }

    /// <summary>A bounded page.</summary>
    /// <param name="state">One of <see cref="States"/>; null for all.</param>
    /// <param name="sku">Only those that hold this SKU; null for all.</param>
    /// <param name="cursor">Of the page before; null for the first page. A wrong one is a <see cref="FormatException"/>.</param>
    /// <param name="token">Ends the call.</param>
    Task<ConsolePage<ConsoleReservation>> ListAsync(string? state, string? sku, string? cursor, CancellationToken token);

    /// <summary>One reservation, or null.</summary>
    Task<ConsoleReservation?> FindAsync(string id, CancellationToken token);

    /// <summary>Gives the units back.</summary>
    /// <returns>Null when done, else what is wrong, for the person to read.</returns>
    Task<string?> ReleaseAsync(string id, string performedBy, CancellationToken token);
}
