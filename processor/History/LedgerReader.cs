using System.Diagnostics;
using System.Text;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Positions that late counts and corrections have unsettled, computed from the ledger.</summary>
public sealed class LedgerReader(IClickHouse clickHouse) : ILedgerReader
{
    /// <summary>Parameters travel in the address, which a server bounds (http_max_uri_size, 1 MiB).</summary>
    private const int MaximumQuestions = 2000;

    /// <summary>However slow the server is, so few SKUs at once must be within its time.</summary>
    private const int MinimumQuestions = 8;

    private const string Everything = "topic = {topic:String}, partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = {before:Array(Int64)}, known_at = '2299-12-31 00:00:00'";

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(200), LongestGather = TimeSpan.FromSeconds(2);

    // The places of what recent corrections correct, whether in effect or not: a void of a void has an effect through what it undoes.
    private const string PositionsSql = $$"""
        SELECT sku_id, location, last_count_ts, last_count_qty, on_hand, unsellable, reserved, in_transit_in, in_transit_out, last_event_ts, version
        FROM positions_as_of({{Everything}}, until = '2299-12-31 00:00:00')
        WHERE (sku_id, location) IN
        (
            SELECT arrayJoin(arrayZip({asked_skus:Array(String)}, {asked_locations:Array(String)}))
            UNION ALL
            SELECT (sku_id, arrayJoin([toString(location_id), toString(counterpart_location_id)])) FROM ledger
            WHERE sku_id IN {skus:Array(String)} AND movement_type != 'CORRECTION' AND (sku_id, event_id) IN
            (
                SELECT sku_id, root_id FROM corrections_resolved({{Everything}})
                WHERE offset >= {from:Array(Int64)}[indexOf({skus:Array(String)}, sku_id)]
            )
        )
        """;

    private const string HeldSql = $"SELECT DISTINCT sku_id, awaited_event_id FROM corrections_held({Everything})";

    private readonly Lock gate = new();
    private List<Request> waiting = [];
    private bool isAsking;
    private int questionsAtOnce = MaximumQuestions;

    /// <summary>Questions of all lanes that come while a query runs go into the next one together: a query costs much, a key in it little.</summary>
    public Task<IReadOnlyList<LedgerAnswer>> AskAsync(
        string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token)
    {
        var request = new Request(topic, partition, questions, new(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (gate)
        {
            waiting.Add(request);
            if (!isAsking)
            {
                isAsking = true;
                _ = AskAsync();
            }
        }

        return request.Answer.Task.WaitAsync(token);
    }

    private async Task AskAsync()
    {
        var gather = Gather;
        while (true)
        {
            await Task.Delay(gather);
            List<Request> requests;
            lock (gate)
            {
                var asked = 0;
                requests = [.. waiting.TakeWhile(r => (asked += r.Questions.Count) <= MaximumQuestions || asked == r.Questions.Count)];
                waiting.RemoveRange(0, requests.Count);
                if (requests.Count == 0)
                {
                    isAsking = false;
                    return;
                }
            }

            var started = Stopwatch.GetTimestamp();
            try
            {
                await AnswerAsync(requests);
            }
            catch (Exception e)
            {
                var fault = e is ClickHouseException ? new StoreUnavailableException("ClickHouse: " + e.Message, e) : e;
                requests.ForEach(r => r.Answer.TrySetException(fault));
            }

            // A query costs a server half a second of its time whatever is asked: half of it stays for what else it has to do.
            var rest = Stopwatch.GetElapsedTime(started);
            gather = rest < Gather ? Gather : rest > LongestGather ? LongestGather : rest;
        }
    }

    private async Task AnswerAsync(List<Request> requests)
    {
        foreach (var topic in requests.GroupBy(request => request.Topic))
        {
            await AnswerAsync(topic.Key, [.. topic]);
        }
    }

    // A SKU has one lane, so that no two requests ask about the same one.
    private async Task AnswerAsync(string topic, List<Request> requests)
    {
        var positions = new Dictionary<string, List<StockPosition>>(StringComparer.Ordinal);
        var awaited = new Dictionary<string, List<UInt128>>(StringComparer.Ordinal);
        foreach (var questions in requests.SelectMany(r => r.Questions).Chunk(questionsAtOnce))
        {
            try
            {
                await AskAsync(topic, questions, positions, awaited);
                questionsAtOnce = Math.Min(MaximumQuestions, questionsAtOnce * 2);
            }
            catch (ClickHouseException)
            {
                // It may have been too much for the time that a query has; the same again would be too much again.
                questionsAtOnce = Math.Max(MinimumQuestions, questions.Length / 4);
                throw;
            }
        }

        foreach (var request in requests)
        {
            request.Answer.TrySetResult([.. request.Questions.Select(q => new LedgerAnswer(positions.GetValueOrDefault(q.SkuId) ?? [], awaited.GetValueOrDefault(q.SkuId) ?? []))]);
        }
    }

    private async Task AskAsync(string topic, LedgerQuestion[] all, Dictionary<string, List<StockPosition>> positions, Dictionary<string, List<UInt128>> awaited)
    {
        var asked = all.SelectMany(q => q.Locations.Select(location => (q.SkuId, Location: location))).ToArray();
        var parameters = new Dictionary<string, object?>
        {
            ["topic"] = topic,
            ["skus"] = Array.ConvertAll(all, q => q.SkuId),
            ["before"] = Array.ConvertAll(all, q => q.BeforeOffset),
            ["from"] = Array.ConvertAll(all, q => q.FromOffset),
            ["asked_skus"] = Array.ConvertAll(asked, a => a.SkuId),
            ["asked_locations"] = Array.ConvertAll(asked, a => a.Location),
        };
        await foreach (var row in clickHouse.QueryAsync(PositionsSql, parameters))
        {
            var position = LedgerSnapshot.Read(row);
            Of(positions, position.SkuId).Add(position);
        }

        await foreach (var row in clickHouse.QueryAsync(HeldSql, parameters))
        {
            Of(awaited, row.Get<string>(0)!).Add(SipHash128.Hash(Encoding.UTF8.GetBytes(row.Get<string>(1)!)));
        }
    }

    private static List<T> Of<T>(Dictionary<string, List<T>> lists, string sku)
    {
        if (!lists.TryGetValue(sku, out var list))
        {
            lists.Add(sku, list = []);
        }

        return list;
    }

    private sealed record Request(
        string Topic, int Partition, IReadOnlyList<LedgerQuestion> Questions, TaskCompletionSource<IReadOnlyList<LedgerAnswer>> Answer);
}
