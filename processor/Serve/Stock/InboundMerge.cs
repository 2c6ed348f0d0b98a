using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// What a fact of topic <c>purchase-orders</c> makes of an order. Facts may come in any order and repeatedly: of each order, notice and
/// appointment the latest event by time (then by id) holds, and of units received the most.
/// </summary>
internal static class InboundMerge
{
    /// <summary>Notices and appointments that one order keeps; the latest by event time.</summary>
    private const int MaximumNotices = 200;

    /// <summary>The order after <paramref name="fact"/>; the same instance where the fact changes nothing.</summary>
    public static PurchaseOrder Apply(PurchaseOrder? former, InboundFact fact)
    {
        var order = former ?? new PurchaseOrder
        {
            PoId = fact.PurchaseOrderId,
            State = PurchaseOrder.Unknown,
            Declared = PurchaseOrder.Unknown,
            CreatedAt = PositionPayload.Instant(fact.EventTs),
            ChangedAt = PositionPayload.Instant(fact.EventTs),
            CreatedBy = CommandParts.Program,
            Lines = [],
        };
        var now = fact switch
        {
            PurchaseOrderFact f => Apply(order, f),
            ShipNoticeFact f => Apply(order, f),
            AppointmentFact f => Apply(order, f),
            _ => order,
        };
        return ReferenceEquals(now, order) ? order : Derived(now with { ChangedAt = Later(order.ChangedAt, PositionPayload.Instant(fact.EventTs)) });
    }

    /// <summary>The order with the state that its declared status and its lines make.</summary>
    public static PurchaseOrder Derived(PurchaseOrder order)
    {
        var state = order.Declared;
        if (state is PurchaseOrder.Draft or PurchaseOrder.Approved or PurchaseOrder.Sent or PurchaseOrder.Confirmed or PurchaseOrder.PartiallyReceived
            && order.Lines.Any(line => line.Received > 0))
        {
            state = order.Lines.All(line => line.Outstanding == 0) ? PurchaseOrder.AllReceived : PurchaseOrder.PartiallyReceived;
        }

        return order with { State = state };
    }

    private static PurchaseOrder Apply(PurchaseOrder order, PurchaseOrderFact fact)
    {
        if (!IsNewer(fact, order.OrderTs, order.OrderEventId))
        {
            // It may still know of a receipt that nobody else told.
            var raised = order.Lines.Select(line => fact.Lines.FirstOrDefault(told => IsSame(line, told)) is { } told && told.Received > line.Received
                ? line with { Received = told.Received }
                : line).ToArray();
            return raised.Zip(order.Lines).All(pair => ReferenceEquals(pair.First, pair.Second)) ? order : order with { Lines = raised };
        }

        var decides = fact.EventTs >= order.DecidedTs;
        return order with
        {
            Declared = decides ? fact.Status.Name() : order.Declared,
            DecidedTs = decides ? fact.EventTs : order.DecidedTs,
            VendorId = fact.VendorId,
            CreatedBy = order.OrderTs == 0 ? fact.SourceSystem : order.CreatedBy,
            Lines = Merge(order.Lines, fact.Lines),
            OrderTs = fact.EventTs,
            OrderEventId = fact.EventId,
        };
    }

    private static PurchaseOrderLine[] Merge(IReadOnlyList<PurchaseOrderLine> former, IReadOnlyList<PurchaseOrderFactLine> told)
    {
        var lines = told.Select(line =>
        {
            var had = former.FirstOrDefault(had => IsSame(had, line));
            return new PurchaseOrderLine(line.LineId, line.SkuId, line.LocationId, line.Ordered, Math.Max(line.Received, had?.Received ?? 0), CommandParts.Amount(line.UnitCost), line.ExpectedDate)
            {
                Posted = had?.Posted ?? 0,
                Damaged = had?.Damaged ?? 0,
                ClosedShort = had is { ClosedShort: true } && had.Ordered == line.Ordered,
            };
        }).ToArray();

        // A line that is gone stays while units stand posted on it: they are in the ledger.
        return [.. lines, .. former.Where(had => had.Posted > 0 && !told.Any(line => IsSame(had, line))).Select(had => had with { ClosedShort = true })];
    }

    private static PurchaseOrder Apply(PurchaseOrder order, ShipNoticeFact fact)
    {
        var had = order.ShipNotices.FirstOrDefault(notice => notice.ShipNoticeId == fact.ShipNoticeId);
        if (had is not null && !IsNewer(fact, had.EventTs, had.EventId))
        {
            return order;
        }

        var lines = fact.Lines.GroupBy(line => line.PurchaseOrderLineId).Select(line => new ShipNoticeLine(line.Key, line.Sum(part => part.Shipped))).ToArray();
        var now = new ShipNotice(fact.ShipNoticeId, PositionPayload.Instant(fact.ExpectedTs), lines, fact.EventTs, fact.EventId);
        return order with { VendorId = order.VendorId ?? fact.VendorId, ShipNotices = Latest([.. order.ShipNotices.Where(notice => notice != had), now], n => (n.EventTs, n.ShipNoticeId)) };
    }

    private static PurchaseOrder Apply(PurchaseOrder order, AppointmentFact fact)
    {
        var had = order.Appointments.FirstOrDefault(appointment => appointment.AppointmentId == fact.AppointmentId);
        if (had is not null && !IsNewer(fact, had.EventTs, had.EventId))
        {
            return order;
        }

        var now = new DockAppointment(fact.AppointmentId, fact.ShipNoticeId, fact.LocationId, PositionPayload.Instant(fact.EndsAt), fact.Status.Name(), fact.EventTs, fact.EventId);
        return order with { Appointments = Latest([.. order.Appointments.Where(appointment => appointment != had), now], a => (a.EventTs, a.AppointmentId)) };
    }

    private static T[] Latest<T>(List<T> items, Func<T, (long Ts, string Id)> order) =>
        [.. items.OrderByDescending(item => order(item).Ts).ThenBy(item => order(item).Id, StringComparer.Ordinal).Take(MaximumNotices)];

    private static bool IsSame(PurchaseOrderLine line, PurchaseOrderFactLine told) => line.LineId == told.LineId && line.SkuId == told.SkuId && line.LocationId == told.LocationId;

    private static bool IsNewer(InboundFact fact, long ts, string id) => fact.EventTs > ts || (fact.EventTs == ts && string.CompareOrdinal(fact.EventId, id) > 0);

    private static DateTime Later(DateTime a, DateTime b) => a > b ? a : b;
}
