using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>What an order promises, by line: the units that are missing, at the time by which all of them should be there.</summary>
internal static class InboundDates
{
    private static readonly string NoShow = AppointmentStatus.NoShow.Name(), Cancelled = AppointmentStatus.Cancelled.Name();

    /// <summary>The changes of dated quantities from <paramref name="former"/> to <paramref name="now"/>.</summary>
    public static DatedQuantity[] Changes(PurchaseOrder? former, PurchaseOrder now)
    {
        var had = former is null ? [] : All(former).ToDictionary(Key);
        var has = All(now).ToDictionary(Key);
        return [.. had.Where(pair => !has.ContainsKey(pair.Key)).Select(pair => pair.Value with { Quantity = 0 }),
            .. has.Where(pair => had.GetValueOrDefault(pair.Key) != pair.Value).Select(pair => pair.Value)];
    }

    public static IEnumerable<DatedQuantity> All(PurchaseOrder order)
    {
        if (!order.IsOpen)
        {
            yield break;
        }

        foreach (var line in order.Lines.Where(line => line.Outstanding > 0))
        {
            if (Due(order, line) is { } due)
            {
                yield return new DatedQuantity(line.SkuId, line.LocationId, $"po:{order.PoId}:{line.LineId}", line.Outstanding, CommandParts.Ts(due));
            }
        }
    }

    /// <summary>
    /// Units received are taken to be those of the earliest notices. The rest comes with the other notices, and what no notice names on the
    /// expected day; the latest of these times is the line's, since a promise must not come before its goods. Null if nothing tells a time.
    /// </summary>
    private static DateTime? Due(PurchaseOrder order, PurchaseOrderLine line)
    {
        var expected = line.ExpectedDate?.ToDateTime(new TimeOnly(23, 59, 59, 999), DateTimeKind.Utc);
        var arrivals = order.ShipNotices.SelectMany(notice => notice.Lines.Where(part => part.LineId == line.LineId)
            .Select(part => (At: Arrival(order, line, notice.ShipNoticeId) ?? Arrival(order, line, null) ?? notice.ExpectedAt, part.Shipped))).OrderBy(arrival => arrival.At);
        var (received, announced, last) = (line.Received, 0L, default(DateTime?));
        foreach (var (at, shipped) in arrivals)
        {
            var arrived = Math.Min(received, shipped);
            received -= arrived;
            if (shipped > arrived)
            {
                announced += shipped - arrived;
                last = at;
            }
        }

        if (announced < line.Outstanding)
        {
            var rest = Arrival(order, line, null) ?? expected;
            last = rest is null || last > rest ? last : rest;
        }

        return last;
    }

    // The last appointment of a notice, or of those that name none, at the line's location.
    private static DateTime? Arrival(PurchaseOrder order, PurchaseOrderLine line, string? noticeId) => order.Appointments
        .Where(appointment => appointment.ShipNoticeId == noticeId && appointment.LocationId == line.LocationId && appointment.Status != NoShow && appointment.Status != Cancelled)
        .Max(appointment => (DateTime?)appointment.EndsAt);

    private static (string Sku, string Location, string Source) Key(DatedQuantity dated) => (dated.SkuId, dated.LocationId, dated.Source);
}
