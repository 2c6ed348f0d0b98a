using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>A duplicate with the correction that nets it out.</summary>
internal sealed record OpenDuplicate(RepeatedEvent Event, Compensation Compensation);

/// <summary>What the ledger has of repeated event_ids.</summary>
internal sealed class Duplicates
{
    private const int PerQuery = 200;

    /// <summary>Bound on what is kept one by one.</summary>
    public const int MaximumKept = 100_000;

    /// <summary>Duplicates that no compensation has netted out, and ids that were used for two facts.</summary>
    public List<OpenDuplicate> Open { get; } = [];

    public List<RepeatedEvent> Reused { get; } = [];

    /// <summary>Duplicates that have their compensations, and those that change nothing.</summary>
    public long Compensated { get; private set; }

    public long Harmless { get; private set; }

    public bool IsCut { get; private set; }

    public static async Task<Duplicates> FindAsync(LedgerDuplicates ledger, string topic, long sinceTs, CancellationToken token)
    {
        var found = new Duplicates();
        var waiting = new List<OpenDuplicate>(PerQuery);
        await foreach (var repeated in ledger.FindAsync(topic, sinceTs, token))
        {
            if (found.Open.Count + found.Reused.Count >= MaximumKept)
            {
                found.IsCut = true;
                break;
            }

            if (!repeated.IsDuplicate)
            {
                found.Reused.Add(repeated);
                continue;
            }

            if (Compensation.Of(topic, repeated.Second) is not { } compensation)
            {
                found.Harmless++;
                continue;
            }

            waiting.Add(new OpenDuplicate(repeated, compensation));
            if (waiting.Count == PerQuery)
            {
                await found.SortAsync(ledger, topic, waiting, token);
            }
        }

        await found.SortAsync(ledger, topic, waiting, token);
        return found;
    }

    private async Task SortAsync(LedgerDuplicates ledger, string topic, List<OpenDuplicate> waiting, CancellationToken token)
    {
        if (waiting.Count == 0)
        {
            return;
        }

        var existing = await ledger.ExistingAsync(topic, [.. waiting.Select(d => d.Event.Second.SkuId).Distinct()],
            [.. waiting.Select(d => d.Compensation.EventId)], token);
        foreach (var duplicate in waiting)
        {
            if (existing.Contains(duplicate.Compensation.EventId))
            {
                Compensated++;
            }
            else
            {
                Open.Add(duplicate);
            }
        }

        waiting.Clear();
    }
}
