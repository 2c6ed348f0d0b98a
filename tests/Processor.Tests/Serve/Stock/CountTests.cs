using System.Text;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class CountTests
{
    private readonly StockBench bench = new();

    public CountTests()
    {
        bench.Store.Put("A", "S1", 100);
        bench.Costs["A"] = 125_000;
    }

    [Fact]
    public async Task An_open_sheet_does_not_tell_what_the_book_says()
    {
        var made = await bench.DoAsync(bench.Counts.CreateAsync, new CountRequest("A", "S1"));
        var id = await OpenAsync();
        Assert.Equal((201, "/v1/counts/" + id), (made.Status, made.Location));
        Assert.DoesNotContain("100", Encoding.UTF8.GetString(made.Body).Replace(id, "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Null((await GetAsync(id)).Expected);
    }

    [Theory]
    [InlineData(100, 0)]
    [InlineData(98, -2)]
    [InlineData(102, 2)]
    public async Task A_small_variance_is_posted_at_once(long counted, long variance)
    {
        var id = await CountedAsync(counted);
        var sheet = await GetAsync(id);
        Assert.Equal((CountSheet.Approved, CountSheet.Auto, variance, 100L), (sheet.State, sheet.DecidedBy, sheet.VarianceUnits, sheet.Expected));
        Assert.Equal(counted, bench.At("A", "S1").OnHand);
        Assert.Equal(variance == 0 ? 0 : 1, bench.Store.Moves.Count);
        Assert.Equal(["CREATED", "COUNTED", "APPROVED"], sheet.Trail.Select(step => step.What));
    }

    [Fact]
    public async Task A_variance_of_much_value_waits_although_it_is_of_few_units()
    {
        bench.Costs["A"] = 260_000;
        Assert.Equal(CountSheet.PendingApproval, (await GetAsync(await CountedAsync(98))).State);
        bench.Costs.Clear();
        Assert.Equal(CountSheet.Approved, (await GetAsync(await CountedAsync(98))).State);
    }

    [Fact]
    public async Task A_large_variance_waits_for_a_second_person()
    {
        var id = await CountedAsync(90);
        var sheet = await GetAsync(id);
        Assert.Equal((CountSheet.PendingApproval, 90L, 100L, -10L, -10m, -125m, "bob"), (sheet.State, sheet.Counted, sheet.Expected, sheet.VarianceUnits, sheet.VariancePercent, sheet.VarianceValue, sheet.Counter));
        Assert.Empty(bench.Store.Moves);
        Assert.Equal([id], await bench.IdsAsync(bench.Counts.Documents, "state:PENDING_APPROVAL", c => c.CountId));

        // The book moved meanwhile; the variance is still the one that was measured.
        bench.Store.Put("A", "S1", 80);
        await bench.DoAsync(bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT"), id, "carol");
        Assert.Equal(70, bench.At("A", "S1").OnHand);
        var move = Assert.Single(bench.Store.Moves);
        Assert.Equal((MovementType.Adjustment, -10L, id, "THEFT", "carol", 125_000L), (move.Type, move.Quantity, move.ReferenceId, move.Reason, move.PerformedBy, move.UnitCost));
        Assert.Equal(("bob", "90", "100"), (move.Attributes!["counter"], move.Attributes["counted"], move.Attributes["expected"]));
        sheet = await GetAsync(id);
        Assert.Equal((CountSheet.Approved, "carol", "THEFT"), (sheet.State, sheet.DecidedBy, sheet.RootCause));
        Assert.Equal([("anna", "CREATED"), ("bob", "COUNTED"), ("carol", "APPROVED")], sheet.Trail.Select(step => (step.By, step.What)));
    }

    [Fact]
    public async Task Who_counted_does_not_approve()
    {
        var id = await CountedAsync(90);
        await bench.RefusedAsync(403, "same-person", "bob", bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT"), id, "bob");
        await bench.RefusedAsync(403, "same-person", "performed_by", bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT", "BOB"), id, "anonymous");
        var refusal = await Assert.ThrowsAsync<RefusedCommandException>(() => bench.Counts.ApproveAsync(id, "bob", "THEFT", bench.Store.NowTs, CancellationToken.None));
        Assert.Equal((403, "same-person"), (refusal.Status, refusal.Code));
        Assert.Equal(CountSheet.PendingApproval, (await GetAsync(id)).State);
    }

    [Fact]
    public async Task The_console_decides_without_a_request()
    {
        var id = await CountedAsync(90);
        var page = await bench.Counts.ListAsync(CountSheet.PendingApproval, null, 10, CancellationToken.None);
        Assert.Equal(id, Assert.Single(page.Items).Value.CountId);
        Assert.Equal(200, (await bench.RunAsync(token => bench.Counts.ApproveAsync(id, "carol", "MISPLACED", bench.Store.NowTs, token))).Status);
        Assert.Equal(90, bench.At("A", "S1").OnHand);
        var other = await CountedAsync(50);
        Assert.Equal(200, (await bench.RunAsync(token => bench.Counts.RejectAsync(other, "carol", "recount", bench.Store.NowTs, token))).Status);
        Assert.Equal(90, bench.At("A", "S1").OnHand);
    }

    [Fact]
    public async Task A_rejected_count_changes_nothing()
    {
        var id = await CountedAsync(10);
        await bench.RefusedAsync(400, "bad-value", "reason", bench.Counts.RejectAsync, new CountRejectionRequest(" "), id, "carol");
        await bench.DoAsync(bench.Counts.RejectAsync, new CountRejectionRequest("wrong shelf"), id, "carol");
        var sheet = await GetAsync(id);
        Assert.Equal((CountSheet.Rejected, "wrong shelf", null), (sheet.State, sheet.Reason, sheet.RecountId));
        Assert.Empty(bench.Store.Moves);
    }

    [Fact]
    public async Task Callers_without_a_key_name_themselves()
    {
        var id = await NewAsync();
        await bench.RefusedAsync(400, "bad-value", "counter", bench.Counts.EnterAsync, new CountEntryRequest(90), id, "anonymous");
        await bench.RefusedAsync(400, "bad-value", "counter", bench.Counts.EnterAsync, new CountEntryRequest(90, "auto"), id, "anonymous");
        await bench.RefusedAsync(400, "bad-value", "counter", bench.Counts.EnterAsync, new CountEntryRequest(90, "eve"), id, "bob");
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(90, "dora"), id, "anonymous");
        Assert.Equal("dora", (await GetAsync(id)).Counter);
        await bench.RefusedAsync(400, "bad-value", "performed_by", bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT"), id, "anonymous");
        await bench.RefusedAsync(400, "bad-value", "performed_by", bench.Counts.RejectAsync, new CountRejectionRequest("x"), id, "anonymous");
        await bench.DoAsync(bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT", "carol"), id, "anonymous");
    }

    [Fact]
    public async Task Bad_values_and_wrong_states_are_named()
    {
        await bench.RefusedAsync(400, "bad-value", "sku_id", bench.Counts.CreateAsync, new CountRequest(null, "S1"));
        await bench.RefusedAsync(400, "bad-value", "location_id", bench.Counts.CreateAsync, new CountRequest("A", null));
        var id = await NewAsync();
        await bench.RefusedAsync(400, "bad-value", "counted is missing", bench.Counts.EnterAsync, new CountEntryRequest(null), id);
        await bench.RefusedAsync(400, "bad-value", "counted must", bench.Counts.EnterAsync, new CountEntryRequest(-1), id);
        await bench.RefusedAsync(409, "wrong-state", "OPEN", bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT"), id);
        await bench.RefusedAsync(409, "wrong-state", "OPEN", bench.Counts.RejectAsync, new CountRejectionRequest("x"), id);
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(10), id);
        await bench.RefusedAsync(409, "wrong-state", "PENDING_APPROVAL", bench.Counts.EnterAsync, new CountEntryRequest(10), id);
        await bench.RefusedAsync(400, "bad-value", "root_cause", bench.Counts.ApproveAsync, new CountApprovalRequest(null), id, "carol");
        await bench.RefusedAsync(400, "bad-value", "root_cause", bench.Counts.ApproveAsync, new CountApprovalRequest("BAD_LUCK"), id, "carol");
        await bench.RefusedAsync(404, "count-not-found", "nope", bench.Counts.EnterAsync, new CountEntryRequest(1), "nope");
    }

    [Fact]
    public async Task An_adjustment_does_not_take_the_book_below_nothing()
    {
        var id = await CountedAsync(10);
        bench.Store.Put("A", "S1", 80);
        await bench.RefusedAsync(409, "insufficient-stock", "80 available of 80", bench.Counts.ApproveAsync, new CountApprovalRequest("THEFT"), id, "carol");
        Assert.Equal(CountSheet.PendingApproval, (await GetAsync(id)).State);
    }

    [Fact]
    public async Task A_position_that_lags_behind_is_not_measured()
    {
        var id = await NewAsync();
        bench.Store.Behind.Add("A");
        await bench.RefusedAsync(503, "positions-behind", "rebuilt", bench.Counts.EnterAsync, new CountEntryRequest(10), id);
    }

    [Fact]
    public async Task Shrinkage_tells_units_value_and_its_base()
    {
        bench.Store.Put("B", "S2", 10);
        await ApprovedAsync("A", "S1", 90);
        await ApprovedAsync("A", "S1", 94);
        await ApprovedAsync("B", "S2", 5);
        var shrinkage = Shrinkage();
        var all = await shrinkage.ReportAsync(null, 30, CancellationToken.None);
        Assert.Equal((3L, 15L, -11L, 1L), (all.Counts, all.ShrinkUnits, all.NetUnits, all.CountsWithoutCost));
        Assert.Equal((125m, -75m, 2375m, "book_value_of_counted_positions", false), (all.ShrinkValue, all.NetValue, all.BookValue, all.Base, all.Truncated));
        Assert.Equal(Math.Round(125m / 2375m, 6), all.Rate);
        var one = await shrinkage.ReportAsync("S2", 30, CancellationToken.None);
        Assert.Equal((1L, 5L, null), (one.Counts, one.ShrinkUnits, one.Rate));

        bench.Pass(TimeSpan.FromDays(3));
        Assert.Equal(0, (await Shrinkage().ReportAsync(null, 2, CancellationToken.None)).Counts);
        bench.Pass(TimeSpan.FromDays(bench.Options.RetainDays));
        await bench.SweepAsync();
        Assert.Empty(bench.Store.Documents);
    }

    private Shrinkage Shrinkage() => new(bench.Store, bench.Counts, bench.Options, new StoreTime(bench.Store));

    private async Task ApprovedAsync(string sku, string location, long counted)
    {
        await bench.DoAsync(bench.Counts.CreateAsync, new CountRequest(sku, location));
        var id = await OpenAsync();
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(counted), id, "bob");
        await bench.DoAsync(bench.Counts.ApproveAsync, new CountApprovalRequest("UNKNOWN"), id, "carol");
    }

    private async Task<string> NewAsync()
    {
        await bench.DoAsync(bench.Counts.CreateAsync, new CountRequest("A", "S1"));
        return await OpenAsync();
    }

    private async Task<string> CountedAsync(long counted)
    {
        var id = await NewAsync();
        await bench.DoAsync(bench.Counts.EnterAsync, new CountEntryRequest(counted), id, "bob");
        return id;
    }

    private async Task<string> OpenAsync() => Assert.Single(await bench.IdsAsync(bench.Counts.Documents, "state:OPEN", c => c.CountId));

    private Task<CountSheet> GetAsync(string id) => bench.GetAsync(bench.Counts.Documents, id);
}
