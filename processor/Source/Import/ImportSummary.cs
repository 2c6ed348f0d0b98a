using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Records of one class.</summary>
public sealed class ClassTotals
{
    public long Rows { get; set; }

    /// <summary>Sum of the quantities as imported.</summary>
    public long Units { get; set; }

    /// <summary>What sales took in less what returns gave back, in the currency of the file.</summary>
    public decimal Revenue { get; set; }
}

/// <summary>What became of a file's records.</summary>
public sealed class ImportSummary
{
    public required string File { get; init; }

    public long Rows { get; set; }

    /// <summary>Movements that this run sent.</summary>
    public long Sent { get; set; }

    /// <summary>Movements that an earlier run had sent already.</summary>
    public long SentBefore { get; set; }

    public long Rejected { get; set; }

    public long Skipped { get; set; }

    /// <summary>Records whose content stands on an earlier line too; they have ids of their own.</summary>
    public long Duplicates { get; set; }

    public long Skus { get; set; }

    public long Locations { get; set; }

    public long CancellationsTied { get; set; }

    public long CancellationsUntied { get; set; }

    public SortedDictionary<string, ClassTotals> Classes { get; } = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, long> RejectedByReason { get; set; } = new Dictionary<string, long>();

    public IReadOnlyList<RowRejection> FirstRejected { get; set; } = [];

    /// <summary>The side file of rejected records; null where there are none.</summary>
    public string? RejectedFile { get; set; }

    /// <summary>Wall time.</summary>
    public double Seconds { get; set; }

    internal void Count(ImportMovement movement)
    {
        if (!Classes.TryGetValue(movement.Class, out var totals))
        {
            Classes.Add(movement.Class, totals = new ClassTotals());
        }

        totals.Rows++;
        totals.Units += movement.QtyDelta;
        if (movement.Type is MovementType.Sale or MovementType.Return)
        {
            totals.Revenue -= (movement.UnitPrice ?? 0) * movement.QtyDelta;
        }
    }
}
