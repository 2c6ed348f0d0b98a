using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Plans of counts. Entering the units measures the variance against the book of that moment; within the threshold it is posted at once,
/// above it a second person decides. What is posted is the measured variance, since what moved after the count did not cause it.
/// </summary>
/// <param name="store">Where sheets are kept.</param>
/// <param name="atp">Tells the book.</param>
/// <param name="plans">What is counted regularly.</param>
/// <param name="check">Checks ids and quantities.</param>
/// <param name="unitCost">Cost of a unit of a SKU in ten-thousandths; null where unknown.</param>
internal sealed class Counts(IStockStore store, AtpReader atp, CountPlans plans, Check check, Func<string, long?> unitCost)
{
    public DocumentKind<CountSheet> Documents => plans.Sheets;

    public Task<Plan> CreateAsync(CommandRequest<CountRequest> request, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var sheet = CountPlans.NewSheet(check.Sku("sku_id", request.Body.SkuId), check.Location("location_id", request.Body.LocationId), request.Caller, request.NowTs);
        return Task.FromResult(Planned(null, sheet, []) with { Status = 201, Location = CountEndpoints.Path + "/" + sheet.CountId });
    }

    public async Task<Plan> EnterAsync(CommandRequest<CountEntryRequest> request, CancellationToken token)
    {
        var counter = CommandParts.Person(request, "counter", request.Body.Counter);
        RefusedCommandException.ThrowIf(request.Body.Counted is null, "counted", "is missing");
        var counted = check.Quantity("counted", request.Body.Counted!.Value, 0);
        var former = await InStateAsync(request.Id, CountSheet.Open, token).ConfigureAwait(false);
        request.CheckRevision(former.Revision);
        var had = former.Value;
        var (_, answers) = await atp.ReadAsync([new PositionKey(had.SkuId, had.LocationId)], dated: false, token).ConfigureAwait(false);
        var expected = answers[0].States is [var state] ? state.State.OnHand : 0;
        var units = counted - expected;
        var cost = CommandParts.Amount(unitCost(had.SkuId));
        var now = PositionPayload.Instant(request.NowTs);
        var sheet = had with
        {
            State = CountSheet.PendingApproval,
            ChangedAt = now,
            Counter = counter,
            CountedAt = now,
            Counted = counted,
            Expected = expected,
            VarianceUnits = units,
            VariancePercent = units == 0 ? 0 : expected == 0 ? 100 : Math.Round(100m * units / Math.Abs(expected), 2),
            UnitCost = cost,
            VarianceValue = units * cost,
            Trail = [.. had.Trail, new CountTrail(now, counter, "COUNTED", string.Create(CultureInfo.InvariantCulture, $"counted {counted}, expected {expected}"))],
        };
        return plans.Options.NeedsNobody(units, sheet.VarianceValue)
            ? await ApproveAsync(former, sheet, CountSheet.Auto, null, request.NowTs, token).ConfigureAwait(false)
            : Planned(former, sheet, []);
    }

    public Task<Plan> ApproveAsync(CommandRequest<CountApprovalRequest> request, CancellationToken token) =>
        ApproveAsync(request.Id, CommandParts.Person(request, "performed_by", request.Body.PerformedBy), request.Body.RootCause, request.NowTs, token, request.CheckRevision);

    /// <summary>Posts the variance of a count that waits for it.</summary>
    /// <param name="id">The count.</param>
    /// <param name="approver">Somebody else than the counter.</param>
    /// <param name="rootCause">One of <see cref="CountSheet.RootCauses"/>.</param>
    /// <param name="nowTs">When, in milliseconds.</param>
    /// <param name="token">Ends the wait.</param>
    /// <param name="checkRevision">Refuses a revision that the approver did not see.</param>
    public async Task<Plan> ApproveAsync(string id, string approver, string? rootCause, long nowTs, CancellationToken token, Action<long>? checkRevision = null)
    {
        RefusedCommandException.ThrowIf(rootCause is null || !CountSheet.RootCauses.Contains(rootCause), "root_cause", "must be one of " + string.Join(", ", CountSheet.RootCauses));
        var former = await InStateAsync(id, CountSheet.PendingApproval, token).ConfigureAwait(false);
        checkRevision?.Invoke(former.Revision);
        if (string.Equals(approver, former.Value.Counter, StringComparison.OrdinalIgnoreCase))
        {
            throw new RefusedCommandException(403, "same-person", $"performed_by: '{approver}' counted; somebody else has to approve.");
        }

        return await ApproveAsync(former, former.Value, approver, rootCause, nowTs, token).ConfigureAwait(false);
    }

    public Task<Plan> RejectAsync(CommandRequest<CountRejectionRequest> request, CancellationToken token) =>
        RejectAsync(request.Id, CommandParts.Person(request, "performed_by", request.Body.PerformedBy), request.Body.Reason, request.NowTs, token, request.CheckRevision);

    /// <summary>Nothing is posted; where the position has a plan, a new sheet takes this one's place.</summary>
    public async Task<Plan> RejectAsync(string id, string approver, string? reason, long nowTs, CancellationToken token, Action<long>? checkRevision = null)
    {
        RefusedCommandException.ThrowIf(string.IsNullOrWhiteSpace(reason), "reason", "is missing");
        Check.Text("reason", reason);
        var former = await InStateAsync(id, CountSheet.PendingApproval, token).ConfigureAwait(false);
        checkRevision?.Invoke(former.Revision);
        var had = former.Value;
        var now = PositionPayload.Instant(nowTs);
        var plan = await plans.OfAsync(had, token).ConfigureAwait(false);
        var recount = plan is null ? null : CountPlans.NewSheet(had.SkuId, had.LocationId, approver, nowTs);
        var sheet = had with
        {
            State = CountSheet.Rejected,
            ChangedAt = now,
            DecidedBy = approver,
            DecidedAt = now,
            Reason = reason,
            RecountId = recount?.CountId,
            Trail = [.. had.Trail, new CountTrail(now, approver, "REJECTED", reason)],
        };
        var planned = Planned(former, sheet, []);
        return plan is null ? planned : planned with
        {
            Transaction = planned.Transaction with
            {
                Documents = [.. planned.Transaction.Documents, Documents.Write(recount!, null),
                    plans.Documents.Write(plan.Value with { State = CountPlan.Due, CountId = recount!.CountId, DueAt = plan.Value.State == CountPlan.Due ? plan.Value.DueAt : now, ChangedAt = now }, plan)],
            },
        };
    }

    /// <summary>Counts of a state, the latest first; those that wait for a second person have <see cref="CountSheet.PendingApproval"/>.</summary>
    public Task<DocumentPage<CountSheet>> ListAsync(string state, string? after, int limit, CancellationToken token) =>
        Documents.ListAsync(store, $"{CountPlans.StateFilter}:{state}", after, limit, token);

    /// <summary>Removes what ended long ago.</summary>
    public Task<Plan?> SweepAsync(string id, CancellationToken token) => Documents.SweepAsync(store, id, token);

    private async Task<Plan> ApproveAsync(Versioned<CountSheet> former, CountSheet sheet, string approver, string? rootCause, long nowTs, CancellationToken token)
    {
        var now = PositionPayload.Instant(nowTs);
        var approved = sheet with
        {
            State = CountSheet.Approved,
            ChangedAt = now,
            DecidedBy = approver,
            DecidedAt = now,
            RootCause = rootCause,
            Trail = [.. sheet.Trail, new CountTrail(now, approver, "APPROVED", rootCause)],
        };
        var adjustment = new StockMove("", sheet.SkuId, sheet.LocationId, MovementType.Adjustment, sheet.VarianceUnits ?? 0, sheet.CountId, nowTs)
        {
            Check = StockCheck.OnHand,
            Reason = rootCause ?? "WITHIN_THRESHOLD",
            PerformedBy = approver,
            UnitCost = CommandParts.TenThousandths(sheet.UnitCost),
            Attributes = new Dictionary<string, string>
            {
                ["counter"] = sheet.Counter ?? "",
                ["counted"] = string.Create(CultureInfo.InvariantCulture, $"{sheet.Counted}"),
                ["expected"] = string.Create(CultureInfo.InvariantCulture, $"{sheet.Expected}"),
            },
        };
        var planned = Planned(former, approved, CommandParts.Numbered($"{CountPlans.SheetKind}.{sheet.CountId}", nowTs, former.Revision + 1, [adjustment]));
        var plan = await plans.OfAsync(sheet, token).ConfigureAwait(false);
        return plan is null ? planned : planned with
        {
            Transaction = planned.Transaction with
            {
                Documents = [.. planned.Transaction.Documents, plans.Documents.Write(plan.Value.After(approved, now, plans.Options), plan)],
            },
        };
    }

    private Plan Planned(Versioned<CountSheet>? former, CountSheet now, IReadOnlyList<StockMove> moves) => new(
        new StockTransaction
        {
            Documents = [Documents.Write(now, former)],
            Moves = moves,

            // A hold of nothing names the position, so that the store refuses to measure against one that lags behind.
            Holds = former is { Value.State: CountSheet.Open } ? [new StockHold($"count:{now.CountId}", now.SkuId, now.LocationId, 0, 0)] : [],
        }, 200, Documents.Serialize(now))
    {
        Revision = (former?.Revision ?? 0) + 1,
    };

    private async Task<Versioned<CountSheet>> InStateAsync(string id, string state, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, id, token).ConfigureAwait(false);
        return former.Value.State == state ? former : throw RefusedCommandException.WrongState($"The count is {former.Value.State}; this needs one that is {state}.");
    }
}
