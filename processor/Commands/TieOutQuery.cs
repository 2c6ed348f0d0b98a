using System.CommandLine;
using System.Globalization;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary><c>processor query tie-out</c>: whether finance's movements explain the stock, and what they amount to.</summary>
internal static class TieOutQuery
{
    private const string Parameters =
        "(skus = {skus:Array(String)}, known_at = {known_at:DateTime64(3, 'UTC')}, since = {since:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})";

    private const string AccountsSql = "SELECT account, currency, count() AS lines, sum(units) AS units, sum(damaged_units) AS damaged, sum(cost) AS cost, "
        + "countIf(isNull(unit_cost)) AS uncosted, sum(revenue) AS revenue, countIf(document = '') AS undocumented FROM finance_movements" + Parameters
        + " GROUP BY account, currency ORDER BY account, currency";

    private const string CoverageSql = "SELECT missing, extra, ledger_rows FROM finance_coverage" + Parameters;

    private const string TieOutSql = "SELECT sku_id, location_id, opening, moved, closing, difference, damaged_difference, count() OVER () AS wrong FROM finance_tie_out" + Parameters
        + " WHERE difference != 0 OR damaged_difference != 0 ORDER BY sku_id, location_id LIMIT {limit:UInt32}";

    public static Command Create()
    {
        var sku = new Option<string[]>("--sku") { Description = "Only this SKU; may be given several times. Default: all.", HelpName = "id" };
        var from = new Option<string?>("--from") { Description = "Events from then on: ISO 8601 or a duration back from now. Default: the first.", HelpName = "time" };
        var to = new Option<string?>("--to") { Description = "Events before then. Default: now.", HelpName = "time" };
        var (knownAt, url, limit) = (HistoryQueries.KnownAt(), Peers.ClickHouseUrl(), QueryCommand.Limit(50));
        var command = new Command("tie-out", $"""
            Whether finance's movements explain the stock: for each SKU and location, opening on-hand plus the movements must be closing on-hand, and
            every row of the ledger must be in a movement or left out for a reason. Prints the totals by account, then what does not tie out.

            {ExitCode.Help}

            Examples:
              processor query tie-out --from 2026-02-01 --to 2026-03-01
              processor query tie-out --from 30d --known-at 2026-03-05
            """) { sku, from, to, knownAt, limit, url };
        command.SetAction((parsed, token) => ExitCode.GuardAsync("query tie-out", () => RunAsync(parsed.GetValue(url), new Dictionary<string, object?>
        {
            ["skus"] = parsed.GetValue(sku) ?? [],
            ["since"] = Time(parsed.GetValue(from), "--from", DateTime.UnixEpoch),
            ["until"] = Time(parsed.GetValue(to), "--to", TimeProvider.System.GetUtcNow().UtcDateTime),
            ["known_at"] = Time(parsed.GetValue(knownAt), "--known-at", TimeProvider.System.GetUtcNow().UtcDateTime),
            ["limit"] = parsed.GetValue(limit),
        }, parsed.InvocationConfiguration.Output, token)));
        return command;
    }

    private static async Task<int> RunAsync(string? url, Dictionary<string, object?> parameters, TextWriter output, CancellationToken token)
    {
        if ((DateTime)parameters["since"]! >= (DateTime)parameters["until"]!)
        {
            throw new UsageException("--from must be before --to");
        }

        await QueryCommand.ShowAsync(url, AccountsSql, parameters, limit: 1000, json: false, output, token).ConfigureAwait(false);
        using var client = Peers.ClickHouse(url);
        try
        {
            var table = new TerminalTable("sku", "location", "opening", "moved", "closing", "difference", "damaged difference");
            table.Align(2, 3, 4, 5, 6);
            var (wrong, missing, extra, rows) = (0L, 0L, 0L, 0L);
            await foreach (var row in client.QueryAsync(TieOutSql, parameters, token).ConfigureAwait(false))
            {
                table.Add([row.Get<string>(0), row.Get<string>(1), .. Enumerable.Range(2, 5).Select(i => row.Get<long>(i).ToString("N0", CultureInfo.InvariantCulture))]);
                wrong = row.Get<long>("wrong");
            }

            await foreach (var row in client.QueryAsync(CoverageSql, parameters, token).ConfigureAwait(false))
            {
                (missing, extra, rows) = (row.Get<long>(0), row.Get<long>(1), row.Get<long>(2));
            }

            if (wrong == 0 && missing == 0 && extra == 0)
            {
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"ties out: {rows:N0} rows of the ledger")).ConfigureAwait(false);
                return ExitCode.Ok;
            }

            table.Write(output);
            await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"query tie-out: DOES NOT TIE OUT: {wrong:N0} positions differ, {missing:N0} rows of the ledger are in no movement, {extra:N0} movements are in no row of the ledger")).ConfigureAwait(false);
            return ExitCode.CheckFailed;
        }
        catch (ClickHouseException e)
        {
            throw new StoreUnavailableException(e.Message, e);
        }
    }

    private static DateTime Time(string? text, string option, DateTime otherwise) =>
        HistoryQueries.Milliseconds(text, option) is { } ms ? DateTime.UnixEpoch.AddMilliseconds(ms) : otherwise;
}
