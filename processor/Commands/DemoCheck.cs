using System.Globalization;
using System.Text.Json;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Serve;

namespace Stockflow.Commands;

/// <summary>Compares what the processor made of a load with the independent count: records, ledger and every position.</summary>
internal sealed class DemoCheck(DemoServers servers, string address, HttpClient http, string topic)
{
    private const int DifferencesShown = 10, Askers = 4;
    private readonly List<string> differences = [];
    private long differenceCount;

    /// <summary>True if all is equal. The processor's own totals are compared too where one process saw the whole load.</summary>
    public async Task<bool> RunAsync(IndependentResult expected, GeneratorCatalog catalog, StatusPayload? status, DemoView view, CancellationToken token)
    {
        using var clickHouse = new ClickHouseClient(new ClickHouseOptions { Url = new Uri(servers.ClickHouse) });
        var verdicts = await QueryAsync(clickHouse, "SELECT toString(verdict), count() FROM raw_events_current WHERE topic = {topic:String} GROUP BY verdict", token);
        var reasons = await QueryAsync(clickHouse,
            "SELECT reason, count() FROM raw_events_current WHERE topic = {topic:String} AND verdict = 'dead_letter' GROUP BY reason", token);
        var rows = await QueryAsync(clickHouse, "SELECT 'rows', count() FROM ledger_current WHERE topic = {topic:String}", token);
        var events = await QueryAsync(clickHouse, "SELECT 'events', uniqExact(event_id) FROM ledger_current WHERE topic = {topic:String}", token);
        var units = await QueryAsync(clickHouse, "SELECT movement_type, sum(qty_delta) FROM ledger_current WHERE topic = {topic:String} GROUP BY movement_type", token);
        var accepted = verdicts.GetValueOrDefault("accepted");
        var duplicates = verdicts.GetValueOrDefault("duplicate");
        var deadLetters = verdicts.GetValueOrDefault("dead_letter");
        view.Say("");
        view.Say(FormattableString.Invariant($"produced {expected.Produced:N0} = accepted {accepted:N0} + duplicates {duplicates:N0} + dead letters {deadLetters:N0}"));
        view.Say("");
        view.Say($"{"",-30}{"processor",14}{"independent",14}");
        Compare(view, "records", verdicts.Values.Sum(), expected.Produced);
        Compare(view, "accepted", accepted, expected.Accepted);
        Compare(view, "duplicates", duplicates, expected.Duplicates);
        Compare(view, "dead letters", deadLetters, expected.DeadLetterCount);
        CompareReasons(view, reasons, expected.DeadLetters);
        Compare(view, "ledger rows", rows.GetValueOrDefault("rows"), expected.Accepted);
        Compare(view, "distinct events in the ledger", events.GetValueOrDefault("events"), expected.Accepted);
        Compare(view, "units sold", -units.GetValueOrDefault("SALE"), -expected.UnitsByType.GetValueOrDefault(MovementType.Sale));
        foreach (var type in Enum.GetValues<MovementType>())
        {
            Note(units.GetValueOrDefault(type.Name()), expected.UnitsByType.GetValueOrDefault(type), $"ledger units of {type.Name()}");
        }

        if (status is not null)
        {
            Note(status.Totals.Accepted, expected.Accepted, "accepted, as the processor counted");
            Note(status.Totals.Duplicates, expected.Duplicates, "duplicates, as the processor counted");
            Note(status.Totals.DeadLetters, expected.DeadLetterCount, "dead letters, as the processor counted");
        }

        await ComparePositionsAsync(expected.Positions, catalog, view, token);
        foreach (var difference in differences)
        {
            view.Say("  " + difference);
        }

        if (differenceCount > differences.Count)
        {
            view.Say(FormattableString.Invariant($"  ... and {differenceCount - differences.Count:N0} more"));
        }

        view.Say("");
        return differenceCount == 0;
    }

    private async Task<Dictionary<string, long>> QueryAsync(ClickHouseClient clickHouse, string sql, CancellationToken token)
    {
        var result = new Dictionary<string, long>(StringComparer.Ordinal);
        await foreach (var row in clickHouse.QueryAsync(sql, new Dictionary<string, object?> { ["topic"] = topic }, token))
        {
            result[row.Get<string>(0)!] = row.Get<long>(1);
        }

        return result;
    }

    private void CompareReasons(DemoView view, Dictionary<string, long> actual, IReadOnlyDictionary<RejectReason, long> expected)
    {
        foreach (var reason in Enum.GetValues<RejectReason>())
        {
            var (have, want) = (actual.GetValueOrDefault(reason.Code()), expected.GetValueOrDefault(reason));
            if (have != 0 || want != 0)
            {
                Compare(view, "  " + reason.Code(), have, want);
            }
        }
    }

    /// <summary>Reads every SKU of the catalog over HTTP, so that a position which should not be there is found too.</summary>
    private async Task ComparePositionsAsync(
        IReadOnlyDictionary<PositionKey, CountedPosition> expected, GeneratorCatalog catalog, DemoView view, CancellationToken token)
    {
        long equal = 0, found = 0;
        var byParallel = new ParallelOptions { MaxDegreeOfParallelism = Askers, CancellationToken = token };
        await Parallel.ForAsync(0, catalog.SkuIds.Length, byParallel, async (sku, inner) =>
        {
            var id = catalog.SkuId(sku);
            foreach (var position in await AskAsync(id, inner))
            {
                Interlocked.Increment(ref found);
                var have = new CountedPosition(position.OnHand, position.Unsellable, position.Reserved, position.InTransitIn, position.InTransitOut);
                if (!expected.TryGetValue(new PositionKey(id, position.LocationId), out var want))
                {
                    Add($"position {id} {position.LocationId}: processor {have}, independent count has none");
                }
                else if (have != want)
                {
                    Add($"position {id} {position.LocationId}: processor {have}, independent {want}");
                }
                else
                {
                    Interlocked.Increment(ref equal);
                }
            }
        });
        Compare(view, "positions", found, expected.Count);
        Compare(view, "positions that are equal", equal, expected.Count);
    }

    private async Task<IReadOnlyList<PositionPayload>> AskAsync(string sku, CancellationToken token)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri($"{address}/v1/positions/{sku}"), token);
            if (answer.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
                return [];
            }

            answer.EnsureSuccessStatusCode();
            await using var body = await answer.Content.ReadAsStreamAsync(token);
            return (await JsonSerializer.DeserializeAsync(body, ServeJson.Default.SkuPayload, token))!.Positions;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            throw new SetupException($"position of {sku}: {e.Message}", e);
        }
    }

    private void Compare(DemoView view, string name, long have, long want)
    {
        view.Say(string.Create(CultureInfo.InvariantCulture, $"{name,-30}{have,14:N0}{want,14:N0}{(have == want ? "" : "  DIFFERENT")}"));
        Note(have, want, name.Trim());
    }

    private void Note(long have, long want, string name)
    {
        if (have != want)
        {
            Add(string.Create(CultureInfo.InvariantCulture, $"{name}: processor {have:N0}, independent {want:N0}"));
        }
    }

    private void Add(string difference)
    {
        lock (differences)
        {
            differenceCount++;
            if (differences.Count < DifferencesShown)
            {
                differences.Add(difference);
            }
        }
    }
}
