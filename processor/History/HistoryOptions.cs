using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Settings of the history.</summary>
public sealed record HistoryOptions
{
    /// <summary>Rows of one insert at most; each insert and the merges after it cost less a row the larger it is. Three times as many wait in memory while ClickHouse is slow.</summary>
    public int InsertRows { get; init; } = 300_000;

    /// <summary>How long an insert gathers rows while they come, milliseconds. Each insert makes a part of every table, and merges cost more the more parts there are.</summary>
    public int InsertIntervalMilliseconds { get; init; } = 4000;

    /// <summary>Batches of all lanes that may wait for ClickHouse before lanes are held back.</summary>
    public int WaitingBatches { get; init; } = 64;

    /// <summary>How long ClickHouse may finish no insert before positions go on without the history, seconds.</summary>
    public int PatienceSeconds { get; init; } = 10;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(InsertRows is < 1 or > 10_000_000, "history.insertRows must be from 1 to 10000000");
        SetupException.ThrowIf(InsertIntervalMilliseconds is < 1 or > 60_000, "history.insertIntervalMilliseconds must be from 1 to 60000");
        SetupException.ThrowIf(WaitingBatches is < 1 or > 10_000, "history.waitingBatches must be from 1 to 10000");
        SetupException.ThrowIf(PatienceSeconds is < 1 or > 3600, "history.patienceSeconds must be from 1 to 3600");
    }
}
