namespace Stockflow.Serve.Console;

/// <summary>One counted position.</summary>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Where it was counted.</param>
/// <param name="Counted">Units found.</param>
/// <param name="Expected">Units by the book at the time of the count.</param>
/// <param name="VarianceValue">Counted less expected at cost; null where no cost is known.</param>
/// <param name="Currency">Of the value; null without one.</param>
/// <param name="AbcClass">A, B or C; null where the SKU has no class.</param>
public sealed record ConsoleCountItem(
    string SkuId, string LocationId, long Counted, long Expected, decimal? VarianceValue, string? Currency, string? AbcClass);

/// <summary>A count sheet. Times in UTC.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State">One of <see cref="IConsoleCounts.States"/>.</param>
/// <param name="Counter">Who counted.</param>
/// <param name="CountedAt">When.</param>
/// <param name="CanDecide">Whether it waits for an approval.</param>
/// <param name="Items">What was counted.</param>
public sealed record ConsoleCountSheet(
    string Id, string State, string Counter, DateTime CountedAt, bool CanDecide, IReadOnlyList<ConsoleCountItem> Items);

/// <summary>Count sheets for the console.</summary>
/// <remarks>Calls throw <see cref="Model.StoreUnavailableException"/> where the store does not answer.</remarks>
public interface IConsoleCounts
{
    /// <summary>The states to filter by; the first one is that of sheets that wait for an approval.</summary>
    IReadOnlyList<string> States { get; }

    /// <summary>Causes that an approval may name.</summary>
    IReadOnlyList<string> RootCauses { get; }

    /// <summary>A bounded page.</summary>
    /// <param name="state">One of <see cref="States"/>; null for all.</param>
    /// <param name="cursor">Of the page before; null for the first page. A wrong one is a <see cref="FormatException"/>.</param>
    /// <param name="token">Ends the call.</param>
    Task<ConsolePage<ConsoleCountSheet>> ListAsync(string? state, string? cursor, CancellationToken token);

    /// <summary>Accepts what was counted.</summary>
    /// <param name="id">The sheet.</param>
    /// <param name="approver">Who approves; may have to be somebody else than the counter.</param>
    /// <param name="rootCause">One of <see cref="RootCauses"/>; null where the person chose none.</param>
    /// <param name="token">Ends the call.</param>
    /// <returns>Null when done, else what is wrong, for the person to read.</returns>
    Task<string?> ApproveAsync(string id, string approver, string? rootCause, CancellationToken token);

    /// <summary>Refuses what was counted.</summary>
    /// <param name="id">The sheet.</param>
    /// <param name="approver">Who refuses.</param>
    /// <param name="reason">Why; null where the person wrote nothing.</param>
    /// <param name="token">Ends the call.</param>
    /// <returns>Null when done, else what is wrong, for the person to read.</returns>
    Task<string?> RejectAsync(string id, string approver, string? reason, CancellationToken token);
}
