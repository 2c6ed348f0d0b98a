using Stockflow.Serve.Stock;

namespace Stockflow.Serve.Description;

/// <summary>
/// What the endpoints check of a field beyond its type, by <c>SCHEMA.field</c>. Where a setting decides, the document tells its default. A test sends values
/// that break each rule and finds them refused.
/// </summary>
internal static class ApiRules
{
    /// <summary>Visible ASCII without blanks; see <see cref="Check.Id"/>.</summary>
    private const string Visible = "^[!-~]+$";

    /// <summary>No control characters and no blanks at the ends; see <see cref="Check.Sku"/>.</summary>
    private const string Name = "^(?! )[^\\u0000-\\u001f\\u007f-\\u009f]+(?<! )$";

    private const string NoControls = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

    private static readonly StockOptions Options = new();
    private static readonly Dictionary<string, ApiRule> Rules = All().ToDictionary(StringComparer.Ordinal);

    public static IEnumerable<string> Names => Rules.Keys;

    public static ApiRule? Find(string name) => Rules.GetValueOrDefault(name);

    private static IEnumerable<KeyValuePair<string, ApiRule>> All() => Requests().Concat(Answers()).SelectMany(rule => rule.Names.Split(' '), (rule, name) => KeyValuePair.Create(name, rule.Rule));

    private static IEnumerable<(string Names, ApiRule Rule)> Requests()
    {
        yield return ("ReservationRequest.reference", new ApiRule("The order or transfer that it is for.") { IsRequired = true });
        yield return ("ReservationReferenceRequest.type", new ApiRule { IsRequired = true, OneOf = ["order", "transfer"] });
        yield return ("ReservationReferenceRequest.id", Id(64, required: true));
        yield return ("ReservationReferenceRequest.destination_location_id", Known("Where the goods go; a transfer needs it, an order must not have it.", required: false));
        yield return ("ReservationRequest.lines TransferRequest.lines TransferReceiptRequest.lines PurchaseOrderRequest.lines PurchaseReceiptRequest.lines",
            new ApiRule { IsRequired = true, MinItems = 1, MaxItems = Check.MaximumLines });
        yield return ("LinesRequest.lines", new ApiRule("Without lines all that is held.") { MinItems = 1, MaxItems = Check.MaximumLines });
        yield return ("TransferShipRequest.lines", new ApiRule("Without lines all of it; with lines those units only, and what is left is given back at the source.") { MinItems = 1, MaxItems = Check.MaximumLines });
        yield return ("ReservationRequest.kind", new ApiRule("soft: a basket; hard: a confirmed order.") { OneOf = ["soft", "hard"] });
        yield return ("ReservationRequest.allow_partial", new ApiRule("Whether a part of a line will do."));
        yield return ("ReservationRequest.ttl_seconds ExtendRequest.ttl_seconds",
            new ApiRule($"Seconds from now; 0 for a hard one that does not expire. Setting stock.maximumReservationSeconds, unless given stock.reservationSeconds ({Options.ReservationSeconds}).") { Minimum = 0, Maximum = Options.MaximumReservationSeconds });
        yield return ("ReservationRequest.customer_ref LinesRequest.reason EndRequest.reason", Text());
        yield return ("ReservationLineRequest.line_id TransferLineRequest.line_id PurchaseOrderLineRequest.line_id", Id(40, text: "Its number from 1 unless given."));
        yield return ("ReservationLineRequest.sku_id ReservationLineRequest.location_id TransferLineRequest.sku_id PurchaseOrderLineRequest.sku_id PurchaseOrderLineRequest.location_id "
            + "AdjustmentRequest.sku_id AdjustmentRequest.location_id CountRequest.sku_id CountRequest.location_id TransferRequest.from_location_id TransferRequest.to_location_id", Known(null, required: true));
        yield return ("ReservationLineRequest.quantity TransferLineRequest.quantity PurchaseOrderLineRequest.ordered", Units(1, required: true));
        yield return ("LineQuantity.line_id TransferShipLine.line_id TransferReceiptLine.line_id PurchaseReceiptLine.line_id", new ApiRule("A line of the document.") { IsRequired = true });
        yield return ("LineQuantity.quantity TransferShipLine.quantity", Units(1, required: true));
        yield return ("TransferReceiptLine.quantity TransferReceiptLine.damaged TransferReceiptLine.lost PurchaseReceiptLine.quantity PurchaseReceiptLine.damaged", Units(0));
        yield return ("BufferRequest.units", Units(0, required: true));
        yield return ("AtpBatchRequest.pairs", new ApiRule { IsRequired = true, MinItems = 1, MaxItems = 1000 });
        yield return ("AtpBatchRequest.at", new ApiRule("Time of the promise; without an offset UTC. Now if it is past or absent."));
        yield return ("AtpBatchRequest.horizon_days", new ApiRule("How far to look.") { Minimum = 0, Maximum = 366 });
        yield return ("AtpPair.sku_id AtpPair.location_id AllocationRequestLocation.location_id AllocationRequestLine.sku_id", new ApiRule { IsRequired = true, MinLength = 1, MaxLength = 64 });
        yield return ("TransferRequest.transfer_id TransferRequest.reference AdjustmentRequest.reference PurchaseReceiptLine.lot", Id(64));
        yield return ("PurchaseOrderRequest.po_id PurchaseOrderRequest.vendor_id", Id(64, required: true));
        yield return ("PurchaseOrderRequest.currency", new ApiRule("ISO 4217.") { Pattern = "^[A-Z]{3}$" });
        yield return ("PurchaseOrderLineRequest.unit_cost", new ApiRule("At most 4 decimal places.") { Minimum = 0, Maximum = 99_999_999_999_999.9999m });
        yield return ("PurchaseOrderLineRequest.expected_date", new ApiRule("From 1990 to 2148."));
        yield return ("PurchaseReceiptLine.close_short", new ApiRule("Nothing more of the line is expected, although less came than was ordered."));
        yield return ("PurchaseReceiptLine.attributes", new ApiRule("Of the movement; purchase_order, line, lot and vendor stand there already.") { MaxProperties = 16 });
        yield return ("AdjustmentRequest.quantity_delta", new ApiRule("Units up or down, not 0. Setting stock.maximumQuantity.") { IsRequired = true, Minimum = -Options.MaximumQuantity, Maximum = Options.MaximumQuantity });
        yield return ("AdjustmentRequest.reason CountRejectionRequest.reason", Text() with { IsRequired = true, MinLength = 1 });
        yield return ("AdjustmentRequest.performed_by CountApprovalRequest.performed_by CountRejectionRequest.performed_by CountEntryRequest.counter",
            Id(64, text: "The person, where no API keys are in use; with keys it is left out or the key's name."));
        yield return ("CountEntryRequest.counted", Units(0, required: true));
        yield return ("CountApprovalRequest.root_cause", new ApiRule { IsRequired = true, OneOf = CountSheet.RootCauses });
        yield return ("CountPlanRequest.abc_class", new ApiRule { IsRequired = true, OneOf = ["A", "B", "C"] });
        yield return ("CountPlanRequest.due_at", new ApiRule("The first count; an interval from now unless given. Without an offset UTC. At most 3660 days ahead."));
        yield return ("Place.latitude", new ApiRule { IsRequired = true, Minimum = -90, Maximum = 90 });
        yield return ("Place.longitude", new ApiRule { IsRequired = true, Minimum = -180, Maximum = 180 });
        yield return ("AllocationRequest.lines", new ApiRule { IsRequired = true, MinItems = 1, MaxItems = AllocationEndpoint.MaximumLines });
        yield return ("AllocationRequest.locations", new ApiRule("Which may ship; every one that has stock unless given.") { MinItems = 1, MaxItems = AllocationEndpoint.MaximumLocations });
        yield return ("AllocationRequest.ship_complete", new ApiRule("Everything or nothing."));
        yield return ("AllocationRequest.maximum_splits", new ApiRule("Shipments at most; setting allocation.maximumShipments unless given.") { Minimum = 1 });
        yield return ("AllocationRequestLine.quantity", new ApiRule { IsRequired = true, Minimum = 1, Maximum = AllocationEndpoint.MaximumQuantity });
        yield return ("AllocationRequestLine.line_id", new ApiRule("Its number from 1 unless given.") { MinLength = 1, MaxLength = 64 });
        yield return ("AllocationRequestLocation.units_left AllocationRequestLocation.shipments_left", new ApiRule("For today; no bound unless given.") { Minimum = 0 });
        yield return ("AllocationRequestLocation.workload", new ApiRule("0 idle to 1 wholly busy.") { Minimum = 0, Maximum = 1 });
    }

    private static IEnumerable<(string Names, ApiRule Rule)> Answers()
    {
        yield return ("Reservation.state", OneOf(Reservation.Active, Reservation.Fulfilled, Reservation.Cancelled, Reservation.Expired));
        yield return ("Reservation.kind", OneOf("soft", "hard"));
        yield return ("Reservation.expires_at", new ApiRule("Absent for a hard one that does not expire."));
        yield return ("ReservationReference.type", OneOf("order", "transfer"));
        yield return ("ReservationLine.reserved", new ApiRule("Units got at first. Held now: reserved - fulfilled - released."));
        yield return ("Order.state", OneOf(Order.Placed, Order.Backordered, Order.PartiallyShipped, Order.Shipped, Order.Cancelled));
        yield return ("OrderLine.unit_price", new ApiRule("Ten-thousandths of the currency unit."));
        yield return ("Transfer.state", OneOf(Transfer.Pending, Transfer.InTransit, Transfer.AllReceived, Transfer.Cancelled));
        yield return ("PurchaseOrder.state PurchaseOrder.declared", OneOf(PurchaseOrder.Unknown, PurchaseOrder.Draft, PurchaseOrder.Approved, PurchaseOrder.Sent, PurchaseOrder.Confirmed,
            PurchaseOrder.PartiallyReceived, PurchaseOrder.AllReceived, PurchaseOrder.Closed, PurchaseOrder.Cancelled));
        yield return ("PurchaseOrderLine.received", new ApiRule("Units that arrived, damaged ones included: the most that the stream or the receipts here say."));
        yield return ("CountSheet.state", OneOf(CountSheet.Open, CountSheet.PendingApproval, CountSheet.Approved, CountSheet.Rejected));
        yield return ("CountSheet.expected", new ApiRule("On-hand by the book when the count was entered; absent before."));
        yield return ("CountTrail.what", OneOf("CREATED", "COUNTED", "APPROVED", "REJECTED"));
        yield return ("CountPlan.state", OneOf(CountPlan.Planned, CountPlan.Due));
        yield return ("CountPlan.abc_class", OneOf("A", "B", "C"));
        yield return ("CountPlan.plan_id", new ApiRule("SKU/LOCATION, with a slash within either as %2F."));
        yield return ("Problem.code", new ApiRule("Stable; the texts may change."));
        yield return ("Problem.type", new ApiRule("urn:stockflow:problem:CODE"));
        yield return ("Problem.status", new ApiRule { Minimum = 400, Maximum = 599 });
        yield return ("DeadLetterReplay.state", OneOf("sending", "sent"));
        yield return ("EventOccurrence.verdict", OneOf("pending", "accepted", "duplicate", "dead_letter"));
        yield return ("EventOccurrence.duplicate_of", new ApiRule("Offset in the same partition; null where the record that counted is not kept any more."));
        yield return ("LineageAggregate.revision", new ApiRule("0 for the close, then one more each time it was restated; null where there is no row."));
        yield return ("LineageRestatement.caused", new ApiRule("Whether the log names this event as the cause: the latest of those that led to the revision."));
        yield return ("QualityResult.status", OneOf("unknown", "pass", "fail"));
        yield return ("QualityResult.severity", OneOf("info", "warning", "critical"));
        yield return ("Readiness.status", OneOf("ready", "not_ready"));
        yield return ("Explain.since", new ApiRule("position.on_hand = count.counted (0 without a count) + the sum of on_hand here."));
        yield return ("Ledger.next DeadLetters.next", new ApiRule("Cursor of the following page; null on the last one."));
    }

    private static ApiRule OneOf(params string[] values) => new() { OneOf = values };

    private static ApiRule Id(int maximum, bool required = false, string? text = null) => new(text) { IsRequired = required, MinLength = 1, MaxLength = maximum, Pattern = Visible };

    private static ApiRule Known(string? text, bool required) => new(text ?? "At most 64 bytes of UTF-8.") { IsRequired = required, MinLength = 1, MaxLength = Check.MaximumId, Pattern = Name };

    private static ApiRule Text() => new("At most 256 bytes of UTF-8.") { MaxLength = 256, Pattern = NoControls };

    private static ApiRule Units(long least, bool required = false) => new("Setting stock.maximumQuantity.") { IsRequired = required, Minimum = least, Maximum = Options.MaximumQuantity };
}
