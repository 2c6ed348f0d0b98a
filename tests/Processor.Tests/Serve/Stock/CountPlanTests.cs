using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class CountPlanTests
{
    private const string Id = "A/S1";
    private readonly StockBench bench = new();

    public CountPlanTests() => bench.Store.Put("A", "S1", 100);

    [Theory]
    [InlineData("A", 7)]
    [InlineData("B", 14)]
    [InlineData("C", 30)]
    public async Task The_class_tells_how_often(string abcClass, int days)
    {
        var made = await PutAsync(abcClass);
        Assert.Equal((201, "/v1/count-plans/A/S1"), (made.Status, made.Location));
        var plan = await GetAsync();
        Assert.Equal((CountPlan.Planned, days, Now.AddDays(days)), (plan.State, plan.IntervalDays, plan.DueAt));
        foreach (var list in (string[])["all", "state:PLANNED", "location_id:S1", "sku_id:A"])
        {
            Assert.Equal([Id], await bench.IdsAsync(bench.Plans.Documents, list, p => p.PlanId));
        }
    }

    [Fact]
    public async Task A_plan_that_is_due_makes_one_sheet()
    {
        await PutAsync("A");
        bench.Pass(TimeSpan.FromDays(7) - TimeSpan.FromMilliseconds(1));
        await bench.SweepAsync();
        Assert.Equal(CountPlan.Planned, (await GetAsync()).State);
        bench.Pass(TimeSpan.FromMilliseconds(1));
        await bench.SweepAsync();
        var plan = await GetAsync();
        Assert.Equal(CountPlan.Due, plan.State);
        Assert.Equal([Id], await bench.IdsAsync(bench.Plans.Documents, "state:DUE", p => p.PlanId));
        var sheet = await bench.GetAsync(bench.Counts.Documents, plan.CountId!);
        Assert.Equal((CountSheet.Open, null, "stockflow"), (sheet.State, sheet.Expected, sheet.CreatedBy));
        bench.Pass(TimeSpan.FromDays(30));
        await bench.SweepAsync();
        Assert.Single(await bench.IdsAsync(bench.Counts.Documents, "all", c => c.CountId));
        Assert.Null(await bench.Plans.SweepAsync(Id, CancellationToken.None));
    }

    [Fact]
    public async Task A_high_variance_halves_the_interval_until_two_quiet_counts()
    {
        await PutAsync("B");
        (long Counted, int Days)[] steps = [(50, 7), (40, 3), (30, 1), (20, 1), (20, 1), (20, 14), (19, 14), (10, 7), (10, 7), (5, 3)];
        foreach (var (counted, days) in steps)
        {
            await CountAsync(counted);
            Assert.Equal((counted, days, Now.AddDays(days)), (counted, (await GetAsync()).IntervalDays, (await GetAsync()).DueAt));
        }
    }

    [Fact]
    public async Task A_rejected_count_is_done_again()
    {
        await PutAsync("A");
        bench.Pass(TimeSpan.FromDays(7));
        await bench.SweepAsync();
        var first = (await GetAsync()).CountId!;
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(1), first, "bob");
        await bench.DoAsync(bench.Counts.RejectAsync, new CountRejectionRequest("not believable"), first, "carol");
        var plan = await GetAsync();
        Assert.Equal(CountPlan.Due, plan.State);
        Assert.NotEqual(first, plan.CountId);
        Assert.Equal(plan.CountId, (await bench.GetAsync(bench.Counts.Documents, first)).RecountId);
        Assert.Equal(CountSheet.Open, (await bench.GetAsync(bench.Counts.Documents, plan.CountId!)).State);
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(100), plan.CountId!, "bob");
        Assert.Equal((CountPlan.Planned, null, 0m), ((await GetAsync()).State, (await GetAsync()).CountId, (await GetAsync()).LastVariancePercent));
    }

    [Fact]
    public async Task A_count_beside_the_plan_does_not_end_the_sheet_that_is_due()
    {
        await PutAsync("A");
        await bench.DoAsync(bench.Counts.CreateAsync, new CountRequest("A", "S1"));
        var beside = Assert.Single(await bench.IdsAsync(bench.Counts.Documents, "state:OPEN", c => c.CountId));
        bench.Pass(TimeSpan.FromDays(7));
        await bench.SweepAsync();
        var due = (await GetAsync()).CountId;
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(100), beside, "bob");
        Assert.Equal((CountPlan.Due, due), ((await GetAsync()).State, (await GetAsync()).CountId));
    }

    [Fact]
    public async Task A_plan_changes_and_goes()
    {
        await PutAsync("A");
        bench.Pass(TimeSpan.FromDays(1));
        Assert.Equal(200, (await PutAsync("C")).Status);
        Assert.Equal((30, Now.AddDays(30)), ((await GetAsync()).IntervalDays, (await GetAsync()).DueAt));
        await bench.DoAsync(bench.Plans.PutAsync, new CountPlanRequest("C", Now.AddDays(2)), Id);
        Assert.Equal(Now.AddDays(2), (await GetAsync()).DueAt);
        await bench.DoAsync(bench.Plans.DeleteAsync, new EndRequest(), Id);
        Assert.Empty(bench.Store.Documents);
        bench.Pass(TimeSpan.FromDays(60));
        await bench.SweepAsync();
        await bench.RefusedAsync(404, "count-plan-not-found", Id, bench.Plans.DeleteAsync, new EndRequest(), Id);
    }

    [Fact]
    public async Task Bad_values_are_named()
    {
        await bench.RefusedAsync(400, "bad-value", "abc_class", bench.Plans.PutAsync, new CountPlanRequest("D"), Id);
        await bench.RefusedAsync(400, "bad-value", "abc_class", bench.Plans.PutAsync, new CountPlanRequest(null), Id);
        await bench.RefusedAsync(400, "bad-value", "due_at", bench.Plans.PutAsync, new CountPlanRequest("A", DateTime.MaxValue.AddDays(-2)), Id);
        await bench.RefusedAsync(400, "bad-value", "/v1/count-plans/SKU/LOCATION", bench.Plans.PutAsync, new CountPlanRequest("A"), "A");
        await bench.RefusedAsync(400, "bad-value", "location_id", bench.Plans.PutAsync, new CountPlanRequest("A"), "A/ S1");
    }

    [Theory]
    [InlineData("A", "S1", "A/S1")]
    [InlineData("a/b", "c d", "a%2Fb/c d")]
    public void A_key_tells_its_two_ids(string sku, string location, string key)
    {
        Assert.Equal(key, CountPlan.Key(sku, location));
        Assert.Equal((sku, location), CountPlan.Parts(key));
        Assert.Null(CountPlan.Parts("a"));
        Assert.Null(CountPlan.Parts("a//b"));
        Assert.Null(CountPlan.Parts("/b"));
    }

    private DateTime Now => DateTimeOffset.FromUnixTimeMilliseconds(bench.Store.NowTs).UtcDateTime;

    private async Task CountAsync(long counted)
    {
        bench.Pass((await GetAsync()).DueAt - Now);
        await bench.SweepAsync();
        var id = (await GetAsync()).CountId!;
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(counted), id, "bob");
        if ((await bench.GetAsync(bench.Counts.Documents, id)).State == CountSheet.PendingApproval)
        {
            await bench.DoAsync(bench.Counts.ApproveAsync, new CountApprovalRequest("UNKNOWN"), id, "carol");
        }
    }

    private Task<CommandResult> PutAsync(string abcClass) => bench.DoAsync(bench.Plans.PutAsync, new CountPlanRequest(abcClass), Id);

    private Task<CountPlan> GetAsync() => bench.GetAsync(bench.Plans.Documents, Id);
}
