using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Plans of purchase orders, told by the stream or made here. What is still to come of an open line is a dated quantity; what arrives is a
/// RECEIPT, and a DAMAGE for the units of it that can not be sold.
/// </summary>
internal sealed class PurchaseOrders(IStockStore store, Check check, StockOptions options, ReceivingOptions receiving)
{
    public const string Kind = "purchase-order", StateFilter = "state", VendorFilter = "vendor_id", SkuFilter = "sku_id", LocationFilter = "location_id";

    private const int MaximumAttributes = 16, MaximumAttributeName = 40;

    public DocumentKind<PurchaseOrder> Documents { get; } = new(Kind, MovingJson.Default.PurchaseOrder, o => o.PoId,
        o => [$"{StateFilter}:{o.State}", .. o.VendorId is null ? Array.Empty<string>() : [$"{VendorFilter}:{o.VendorId}"],
            .. o.Lines.Select(line => $"{SkuFilter}:{line.SkuId}").Distinct(), .. o.Lines.Select(line => $"{LocationFilter}:{line.LocationId}").Distinct()],
        o => o.IsOver || o.State == PurchaseOrder.Unknown ? options.GoneTs(o.ChangedAt) : 0);

    /// <summary>Takes a fact of the stream over; the plan is void where it tells nothing new.</summary>
    public async Task<Plan> ApplyAsync(InboundFact fact, CancellationToken token)
    {
        var former = await Documents.FindAsync(store, fact.PurchaseOrderId, token).ConfigureAwait(false);
        var now = InboundMerge.Apply(former?.Value, fact);
        return former is not null && ReferenceEquals(now, former.Value)
            ? new Plan(new StockTransaction(), 200, Documents.Serialize(now)) { IsVoid = true, Revision = former.Revision }
            : Planned(former, now, [], "", 0);
    }

    public async Task<Plan> CreateAsync(CommandRequest<PurchaseOrderRequest> request, CancellationToken token)
    {
        var body = request.Body;
        var id = Check.Id("po_id", body.PoId);
        var vendor = Check.Id("vendor_id", body.VendorId);
        RefusedCommandException.ThrowIf(body.Currency is not null && (body.Currency.Length != 3 || !body.Currency.All(char.IsAsciiLetterUpper)), "currency", "must be three capital letters of ISO 4217");
        var lines = ReadLines(body.Lines);
        var former = await Documents.FindAsync(store, id, token).ConfigureAwait(false);

        // What a ship notice or an appointment left before its order is filled in.
        if (former is { Value.OrderTs: > 0 })
        {
            throw new RefusedCommandException(409, "purchase-order-exists", $"There is a purchase order '{id}' already.");
        }

        var now = PositionPayload.Instant(request.NowTs);
        var order = InboundMerge.Derived(new PurchaseOrder
        {
            PoId = id,
            State = PurchaseOrder.Confirmed,
            Declared = PurchaseOrder.Confirmed,
            VendorId = vendor,
            Currency = body.Currency,
            CreatedAt = now,
            ChangedAt = now,
            CreatedBy = request.Caller,
            Lines = lines,
            ShipNotices = former?.Value.ShipNotices ?? [],
            Appointments = former?.Value.Appointments ?? [],
            OrderTs = request.NowTs,
            DecidedTs = request.NowTs,
        });
        return Planned(former, order, [], request.Caller, request.NowTs) with { Status = 201, Location = PurchaseOrderEndpoints.Path + "/" + Uri.EscapeDataString(id) };
    }

    public async Task<Plan> ReceiveAsync(CommandRequest<PurchaseReceiptRequest> request, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, request.Id, token).ConfigureAwait(false);
        request.CheckRevision(former.Revision);
        if (!former.Value.IsOpen && former.Value.State != PurchaseOrder.AllReceived)
        {
            throw RefusedCommandException.WrongState($"The purchase order is {former.Value.State}; goods are received for one that is APPROVED, SENT, CONFIRMED, PARTIALLY_RECEIVED or RECEIVED.");
        }

        var receipts = request.Body.Lines;
        Check.Lines("lines", receipts);
        PurchaseOrderLine[] lines = [.. former.Value.Lines];
        var moves = new List<StockMove>();
        for (var i = 0; i < receipts!.Count; i++)
        {
            var at = $"lines[{i}]";
            var index = Array.FindIndex(lines, line => line.LineId == receipts[i]?.LineId);
            RefusedCommandException.ThrowIf(index < 0, at + ".line_id", "is not a line of this purchase order");
            lines[index] = Receive(former.Value, lines[index], receipts[i], at, moves);
        }

        // The stream may call an order RECEIVED before all of it came; that verdict stays.
        return Planned(former, InboundMerge.Derived(former.Value with { Lines = lines, ChangedAt = PositionPayload.Instant(request.NowTs) }), moves, request.Caller, request.NowTs);
    }

    /// <summary>Nothing more is expected of it.</summary>
    public Task<Plan> CloseAsync(CommandRequest<EndRequest> request, CancellationToken token) =>
        EndAsync(request, PurchaseOrder.Closed, order => order.IsOpen || order.State == PurchaseOrder.AllReceived, token);

    /// <summary>It never was; only while nothing has arrived.</summary>
    public Task<Plan> CancelAsync(CommandRequest<EndRequest> request, CancellationToken token) =>
        EndAsync(request, PurchaseOrder.Cancelled, order => order.State is PurchaseOrder.Draft or PurchaseOrder.Approved or PurchaseOrder.Sent or PurchaseOrder.Confirmed, token);

    /// <summary>Removes what ended long ago, and what no order came for.</summary>
    public Task<Plan?> SweepAsync(string id, CancellationToken token) => Documents.SweepAsync(store, id, token);

    private async Task<Plan> EndAsync(CommandRequest<EndRequest> request, string state, Func<PurchaseOrder, bool> mayEnd, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, request.Id, token).ConfigureAwait(false);
        request.CheckRevision(former.Revision);
        if (!mayEnd(former.Value))
        {
            throw RefusedCommandException.WrongState($"The purchase order is {former.Value.State} and can not become {state}.");
        }

        var now = former.Value with
        {
            Declared = state,
            DecidedTs = request.NowTs,
            ChangedAt = PositionPayload.Instant(request.NowTs),
            Reason = Check.Text("reason", request.Body.Reason),
        };
        return Planned(former, InboundMerge.Derived(now), [], request.Caller, request.NowTs);
    }

    private PurchaseOrderLine Receive(PurchaseOrder order, PurchaseOrderLine line, PurchaseReceiptLine receipt, string at, List<StockMove> moves)
    {
        check.Quantity(at + ".quantity", receipt.Quantity, 0);
        check.Quantity(at + ".damaged", receipt.Damaged, 0);
        var arrived = receipt.Quantity + receipt.Damaged;
        RefusedCommandException.ThrowIf(arrived == 0 && !receipt.CloseShort, at, "has no units; give quantity or damaged, or close_short");
        if (line.ClosedShort)
        {
            throw RefusedCommandException.WrongState($"{at}: line '{line.LineId}' is closed.");
        }

        var now = line with { Received = line.Received + arrived, Posted = line.Posted + arrived, Damaged = line.Damaged + receipt.Damaged };
        if (arrived > 0 && !receiving.Allows(line.Ordered, now.Received))
        {
            throw new RefusedCommandException(409, "over-receipt",
                $"{at}.quantity makes {now.Received} units of the {line.Ordered} ordered, more than {receiving.OverReceiptPercent} % above. Nothing was changed.");
        }

        if (receipt.CloseShort && !receiving.MayClose(line.Ordered, now.Received))
        {
            throw new RefusedCommandException(409, "under-receipt",
                $"{at}.close_short: {now.Received} units of the {line.Ordered} ordered are more than {receiving.UnderReceiptPercent} % below. Nothing was changed.");
        }

        var attributes = Attributes(order, line, receipt, at);
        moves.Add(Move(order, line, MovementType.Receipt, arrived, attributes));
        moves.Add(Move(order, line, MovementType.Damage, -receipt.Damaged, attributes));
        return now with { ClosedShort = receipt.CloseShort && now.Outstanding > 0 };
    }

    private static StockMove Move(PurchaseOrder order, PurchaseOrderLine line, MovementType type, long quantity, Dictionary<string, string> attributes) =>
        new("", line.SkuId, line.LocationId, type, quantity, order.PoId, 0)
        {
            Check = StockCheck.OnHand,
            UnitCost = CommandParts.TenThousandths(line.UnitCost),
            Currency = order.Currency,
            Attributes = attributes,
        };

    private static Dictionary<string, string> Attributes(PurchaseOrder order, PurchaseOrderLine line, PurchaseReceiptLine receipt, string at)
    {
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        RefusedCommandException.ThrowIf(receipt.Attributes?.Count > MaximumAttributes, at + ".attributes", $"has more than {MaximumAttributes} entries");
        foreach (var (name, value) in receipt.Attributes ?? new Dictionary<string, string>())
        {
            Check.Id(at + ".attributes", name, MaximumAttributeName);
            RefusedCommandException.ThrowIf(name is "purchase_order" or "line" or "lot" or "vendor", at + ".attributes", $"may not name '{name}', which stands there already");
            RefusedCommandException.ThrowIf(value is null, $"{at}.attributes.{name}", "is null");
            attributes[name] = Check.Text($"{at}.attributes.{name}", value)!;
        }

        attributes["purchase_order"] = order.PoId;
        attributes["line"] = line.LineId;
        if (order.VendorId is { } vendor)
        {
            attributes["vendor"] = vendor;
        }

        if (receipt.Lot is not null)
        {
            attributes["lot"] = Check.Id(at + ".lot", receipt.Lot);
        }

        return attributes;
    }

    private Plan Planned(Versioned<PurchaseOrder>? former, PurchaseOrder now, IEnumerable<StockMove> moves, string caller, long nowTs)
    {
        var revision = (former?.Revision ?? 0) + 1;
        return new Plan(
            new StockTransaction
            {
                Documents = [Documents.Write(now, former)],
                Moves = CommandParts.Numbered($"po.{now.PoId}", nowTs, revision, moves.Select(move => move with { PerformedBy = caller, EventTs = nowTs })),
                Dated = InboundDates.Changes(former?.Value, now),
            }, 200, Documents.Serialize(now))
        {
            Revision = revision,
        };
    }

    private PurchaseOrderLine[] ReadLines(IReadOnlyList<PurchaseOrderLineRequest>? lines)
    {
        Check.Lines("lines", lines);
        var names = new HashSet<string>(StringComparer.Ordinal);
        return [.. lines!.Select((line, i) =>
        {
            var at = $"lines[{i}]";
            RefusedCommandException.ThrowIf(line is null, at, "is null");
            var name = Check.LineId(at, i, line!.LineId, names);
            CommandParts.Money(at + ".unit_cost", line.UnitCost);
            RefusedCommandException.ThrowIf(line.ExpectedDate is { Year: < 1990 or > 2148 }, at + ".expected_date", "must be from 1990 to 2148");
            return new PurchaseOrderLine(name, check.Sku(at + ".sku_id", line.SkuId), check.Location(at + ".location_id", line.LocationId),
                check.Quantity(at + ".ordered", line.Ordered), 0, line.UnitCost, line.ExpectedDate);
        })];
    }
}
