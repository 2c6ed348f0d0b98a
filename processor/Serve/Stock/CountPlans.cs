using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>Plans of count plans. When one is due, the sweep makes a sheet for it; the sheet's approval plans the next count.</summary>
internal sealed class CountPlans(IStockStore store, Check check, StockOptions options, CountOptions counting)
{
    public const string Kind = "count-plan", SheetKind = "count", StateFilter = "state", LocationFilter = "location_id", SkuFilter = "sku_id";

    /// <summary>List of a location's approved counts.</summary>
    public const string ApprovedList = "approved";

    /// <summary>How far ahead a first count may be set.</summary>
    private const int MaximumDays = 3660;

    public CountOptions Options => counting;

    public DocumentKind<CountPlan> Documents { get; } = new(Kind, CountJson.Default.CountPlan, p => p.PlanId,
        p => [$"{StateFilter}:{p.State}", $"{LocationFilter}:{p.LocationId}", $"{SkuFilter}:{p.SkuId}"],
        p => p.State == CountPlan.Planned ? CommandParts.Ts(p.DueAt) : 0);

    /// <summary>The sheets, which plans make and <see cref="Counts"/> fill in.</summary>
    public DocumentKind<CountSheet> Sheets { get; } = new(SheetKind, CountJson.Default.CountSheet, c => c.CountId,
        c => [$"{StateFilter}:{c.State}", $"{LocationFilter}:{c.LocationId}", $"{SkuFilter}:{c.SkuId}", .. c.State == CountSheet.Approved ? [$"{ApprovedList}:{c.LocationId}"] : Array.Empty<string>()],
        c => c.IsOver ? options.GoneTs(c.ChangedAt) : 0);

    /// <summary>Makes a plan or changes its class.</summary>
    public async Task<Plan> PutAsync(CommandRequest<CountPlanRequest> request, CancellationToken token)
    {
        var (sku, location) = CountPlan.Parts(request.Id) ?? throw RefusedCommandException.BadValue("The path", "must be /v1/count-plans/SKU/LOCATION");
        check.Sku("sku_id", sku);
        check.Location("location_id", location);
        var days = counting.Days(request.Body.AbcClass ?? "");
        var now = PositionPayload.Instant(request.NowTs);
        DateTime? due = request.Body.DueAt is { } first ? CommandParts.Utc(first) : null;
        RefusedCommandException.ThrowIf(due is { } at && (at < DateTime.UnixEpoch.AddDays(1) || at > now.AddDays(MaximumDays)), "due_at", $"must be a time up to {MaximumDays} days from now");
        var id = CountPlan.Key(sku, location);
        var former = await Documents.FindAsync(store, id, token).ConfigureAwait(false);
        request.CheckRevision(former?.Revision ?? 0);
        CountPlan plan;
        if (former is null)
        {
            plan = new CountPlan
            {
                PlanId = id,
                SkuId = sku,
                LocationId = location,
                State = CountPlan.Planned,
                AbcClass = request.Body.AbcClass!,
                IntervalDays = days,
                DueAt = due ?? now.AddDays(days),
                ChangedAt = now,
            };
        }
        else
        {
            // A sheet that is under way stays; its approval plans anew.
            var had = former.Value;
            var isSame = had.AbcClass == request.Body.AbcClass;
            plan = had with
            {
                AbcClass = request.Body.AbcClass!,
                IntervalDays = isSame ? had.IntervalDays : days,
                QuietCounts = isSame ? had.QuietCounts : 0,
                DueAt = had.State == CountPlan.Due ? had.DueAt : due ?? (isSame ? had.DueAt : (had.LastCountedAt ?? now).AddDays(days)),
                ChangedAt = now,
            };
        }

        return new Plan(new StockTransaction { Documents = [Documents.Write(plan, former)] }, former is null ? 201 : 200, Documents.Serialize(plan))
        {
            Revision = (former?.Revision ?? 0) + 1,
            Location = former is null ? $"{CountEndpoints.PlanPath}/{Uri.EscapeDataString(sku)}/{Uri.EscapeDataString(location)}" : "",
        };
    }

    /// <summary>Removes a plan; a sheet of it stays.</summary>
    public async Task<Plan> DeleteAsync(CommandRequest<EndRequest> request, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, request.Id, token).ConfigureAwait(false);
        request.CheckRevision(former.Revision);
        Check.Text("reason", request.Body.Reason);
        return new Plan(new StockTransaction { Documents = [Documents.Delete(former)] }, 200, Documents.Serialize(former.Value));
    }

    /// <summary>Makes the sheet of a plan whose time has come.</summary>
    public async Task<Plan?> SweepAsync(string id, CancellationToken token)
    {
        var former = await Documents.FindAsync(store, id, token).ConfigureAwait(false);
        if (former is null)
        {
            return Documents.Remove(id, former);
        }

        if (former.Value.State != CountPlan.Planned)
        {
            return null;
        }

        var dueTs = CommandParts.Ts(former.Value.DueAt);
        var sheet = NewSheet(former.Value.SkuId, former.Value.LocationId, CommandParts.Program, dueTs);
        var plan = former.Value with { State = CountPlan.Due, CountId = sheet.CountId, ChangedAt = former.Value.DueAt };
        return new Plan(new StockTransaction { Documents = [Documents.Write(plan, former), Sheets.Write(sheet, null)], FromTs = dueTs }, 200, Documents.Serialize(plan));
    }

    /// <summary>The plan that waits for this sheet, or that waits for none; null where there is no such plan.</summary>
    public async Task<Versioned<CountPlan>?> OfAsync(CountSheet sheet, CancellationToken token)
    {
        var plan = await Documents.FindAsync(store, CountPlan.Key(sheet.SkuId, sheet.LocationId), token).ConfigureAwait(false);
        return plan is not null && (plan.Value.CountId is null || plan.Value.CountId == sheet.CountId) ? plan : null;
    }

    public static CountSheet NewSheet(string sku, string location, string by, long nowTs) => new()
    {
        CountId = CommandParts.NewId(nowTs),
        SkuId = sku,
        LocationId = location,
        State = CountSheet.Open,
        CreatedAt = PositionPayload.Instant(nowTs),
        ChangedAt = PositionPayload.Instant(nowTs),
        CreatedBy = by,
        Trail = [new CountTrail(PositionPayload.Instant(nowTs), by, "CREATED")],
    };
}
