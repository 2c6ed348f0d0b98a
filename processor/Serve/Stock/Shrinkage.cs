using System.Globalization;
using System.Text.Json;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>What counts found missing, from the approved counts that are still kept.</summary>
internal sealed class Shrinkage(IStockStore store, Counts counts, StockOptions options, TimeProvider time)
{
    private const int MaximumDocuments = 5_000, PageSize = 500;

    /// <summary>GET: <c>location_id</c> (all unless given) and <c>days</c> (as many as counts are kept unless given).</summary>
    public async Task AnswerAsync(HttpContext context, CancellationToken token)
    {
        var query = context.Request.Query;
        CommandHttp.RefuseOthers(query, ["location_id", "days"]);
        var days = options.RetainDays;
        if (CommandHttp.One(query, "days") is { } text)
        {
            RefusedCommandException.ThrowIf(!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out days) || days < 1 || days > options.RetainDays,
                "days", $"must be a number from 1 to {options.RetainDays}, for which counts are kept");
        }

        var report = await ReportAsync(CommandHttp.One(query, "location_id") is { Length: > 0 } location ? location : null, days, token).ConfigureAwait(false);
        await Problems.JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(report, CountJson.Default.ShrinkagePayload), "application/json", token).ConfigureAwait(false);
    }

    public async Task<ShrinkagePayload> ReportAsync(string? locationId, int days, CancellationToken token)
    {
        var list = locationId is null ? $"{CountPlans.StateFilter}:{CountSheet.Approved}" : $"{CountPlans.ApprovedList}:{locationId}";
        var from = time.GetUtcNow().UtcDateTime.AddDays(-days);
        var report = new ShrinkagePayload(days, locationId, 0, 0, 0, 0, 0, 0, null, "book_value_of_counted_positions", 0, false);
        string? after = null;
        var read = 0;
        do
        {
            var page = await counts.Documents.ListAsync(store, list, after, PageSize, token).ConfigureAwait(false);
            report = page.Items.Select(item => item.Value).Where(sheet => sheet.DecidedAt >= from).Aggregate(report, Add);
            after = page.Next;
            read += page.Items.Count;
        }
        while (after is not null && read < MaximumDocuments);
        return report with { Truncated = after is not null, Rate = report.BookValue > 0 ? Math.Round(report.ShrinkValue / report.BookValue, 6) : null };
    }

    private static ShrinkagePayload Add(ShrinkagePayload report, CountSheet sheet)
    {
        var (units, value) = (sheet.VarianceUnits ?? 0, sheet.VarianceValue ?? 0);
        return report with
        {
            Counts = report.Counts + 1,
            ShrinkUnits = report.ShrinkUnits + Math.Max(0, -units),
            NetUnits = report.NetUnits + units,
            ShrinkValue = report.ShrinkValue + Math.Max(0, -value),
            NetValue = report.NetValue + value,
            BookValue = report.BookValue + (Math.Max(0, sheet.Expected ?? 0) * (sheet.UnitCost ?? 0)),
            CountsWithoutCost = report.CountsWithoutCost + (sheet.UnitCost is null ? 1 : 0),
        };
    }
}
