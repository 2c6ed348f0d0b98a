namespace Stockflow.IntegrationTests.Reads;

/// <summary>A position counted by hand.</summary>
internal sealed record Counted(long OnHand, long Unsellable, long Reserved, long InTransitIn, long InTransitOut, long LastCountTs, long LastCountQty, long LastEventTs, long Rows);

/// <summary>Positions from a list of rows by the plainest of loops, without the code that is tested.</summary>
internal sealed class BruteForce
{
    private readonly List<Row> movements;
    private readonly List<Row> corrections = [];

    public BruteForce(IEnumerable<Row> rows, string sku, long at, long knownAt)
    {
        var known = rows.Where(row => row.Sku == sku && row.RecordedTs <= knownAt).OrderBy(row => row.Offset).ToList();
        movements = [.. known.Where(row => row.Type != "CORRECTION" && row.EventTs <= at)];
        foreach (var row in known.Where(row => row.Type == "CORRECTION"))
        {
            if (corrections.All(other => other.EventId != row.EventId))
            {
                corrections.Add(row);
            }
        }
    }

    public bool IsVoided(string id) => corrections.Any(row => row.Corrects == id && row.Qty == 0 && !IsVoided(row.EventId));

    /// <summary>What amendments add to an event, those of amendments included.</summary>
    public long Amendments(string id)
    {
        var sum = 0L;
        foreach (var row in corrections.Where(row => row.Corrects == id && row.Qty != 0 && !IsVoided(row.EventId)))
        {
            sum += row.Qty + Amendments(row.EventId);
        }

        return sum;
    }

    /// <summary>Signed units of a movement's row.</summary>
    public long Units(Row row)
    {
        if (IsVoided(row.EventId))
        {
            return 0;
        }

        var isFirst = movements.First(other => other.EventId == row.EventId).Offset == row.Offset;
        return row.Qty + (isFirst ? Amendments(row.EventId) : 0);
    }

    public Counted? Position(string location)
    {
        var (countTs, countQty) = (0L, 0L);
        foreach (var row in movements.Where(row => row.Location == location && row.Type == "CYCLE_COUNT" && !IsVoided(row.EventId)))
        {
            var quantity = row.Counted!.Value + Amendments(row.EventId);
            if (row.EventTs > countTs || (row.EventTs == countTs && quantity > countQty))
            {
                (countTs, countQty) = (row.EventTs, quantity);
            }
        }

        var (onHand, unsellable, reserved, into, outOf, last, rows) = (countQty, 0L, 0L, 0L, 0L, 0L, 0L);
        foreach (var row in movements)
        {
            var units = Units(row);
            var isTransfer = row.Type is "TRANSFER_OUT" or "TRANSFER_IN";
            if (row.Location == location)
            {
                rows++;
                last = Math.Max(last, row.EventTs);
                onHand += row.EventTs > countTs && row.Type is not ("DAMAGE" or "RESERVE" or "RELEASE" or "CYCLE_COUNT") ? units : 0;
                unsellable -= row.Type == "DAMAGE" ? units : 0;
                reserved += row.Type == "SHIP" ? units : row.Type is "RESERVE" or "RELEASE" ? -units : 0;
                outOf -= row.Type == "TRANSFER_OUT" ? units : 0;
                into -= row.Type == "TRANSFER_IN" ? units : 0;
            }
            else if (isTransfer && row.Counterpart == location)
            {
                rows++;
                into -= row.Type == "TRANSFER_OUT" ? units : 0;
                outOf -= row.Type == "TRANSFER_IN" ? units : 0;
            }
        }

        return rows == 0 ? null : new Counted(onHand, unsellable, reserved, into, outOf, countTs, countQty, last, rows);
    }
}
