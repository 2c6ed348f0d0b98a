namespace Stockflow.Serve.Stock;

/// <summary>The paths of count plans, counts and what they found.</summary>
internal static class CountEndpoints
{
    public const string Path = "/v1/counts", PlanPath = "/v1/count-plans", ShrinkagePath = "/v1/shrinkage";

    public static void Map(IEndpointRouteBuilder routes, CommandHttp http, CountPlans plans, Counts counts, Shrinkage shrinkage)
    {
        // A plan's id is SKU/LOCATION, which a parameter of one segment can not take.
        http.MapCommand(routes, PlanPath + "/{**id}", "count-plan", CountJson.Default.CountPlanRequest, plans.PutAsync);
        http.MapCommand(routes, PlanPath + "/{**id}", "count-plan-delete", CountJson.Default.EndRequest, plans.DeleteAsync, "DELETE");
        http.MapList(routes, PlanPath, plans.Documents, [CountPlans.StateFilter, CountPlans.LocationFilter, CountPlans.SkuFilter]);
        http.MapDocument(routes, PlanPath + "/{**id}", plans.Documents);

        http.MapCommand(routes, Path, "count", CountJson.Default.CountRequest, counts.CreateAsync);
        http.MapList(routes, Path, counts.Documents, [CountPlans.StateFilter, CountPlans.LocationFilter, CountPlans.SkuFilter]);
        http.MapDocument(routes, Path + "/{id}", counts.Documents);
        http.MapCommand(routes, Path + "/{id}/entry", "count-entry", CountJson.Default.CountEntryRequest, counts.EnterAsync);
        http.MapCommand(routes, Path + "/{id}/approve", "count-approve", CountJson.Default.CountApprovalRequest, counts.ApproveAsync);
        http.MapCommand(routes, Path + "/{id}/reject", "count-reject", CountJson.Default.CountRejectionRequest, counts.RejectAsync);
        routes.MapMethods(ShrinkagePath, ["GET", "HEAD"], context => http.AnswerAsync(context, token => shrinkage.AnswerAsync(context, token)));
    }
}
