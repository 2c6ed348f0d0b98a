using Stockflow.Model;

namespace Stockflow.History;

/// <summary>On-hand of one position, computed from the ledger.</summary>
public sealed class LedgerReader(IClickHouse clickHouse) : ILedgerReader
{
    /// <summary>Parameters travel in the address, which a server bounds (http_max_uri_size, 1 MiB).</summary>
    private const int MaximumQuestions = 2000;

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(200);

    // Last count by event time, of two at one instant the larger; then the deltas after it. Types: PositionRules.ChangesOnHand.
    private const string OnHandSql = """
        WITH indexOf(arrayZip({skus:Array(String)}, {locations:Array(String)}), (sku_id, location_id)) AS asked
        SELECT sku_id, location_id, last.1 AS last_ts, last.2 AS last_qty,
            last.2 + arraySum(arrayMap(m -> if(m.1 > last.1, m.2, 0), moved)) AS on_hand
        FROM
        (
            SELECT sku_id, location_id,
                maxIf((toUnixTimestamp64Milli(event_ts), ifNull(counted_qty, 0)), movement_type = 'CYCLE_COUNT') AS last,
                groupArrayIf((toUnixTimestamp64Milli(event_ts), qty_delta), movement_type IN
                    ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP', 'CORRECTION')) AS moved
            FROM ledger_current
            WHERE (sku_id, location_id) IN (SELECT arrayJoin(arrayZip({skus:Array(String)}, {locations:Array(String)})))
              AND stocked = 1
              AND topic = {topics:Array(String)}[asked] AND partition = {partitions:Array(Int32)}[asked] AND offset < {before:Array(Int64)}[asked]
            GROUP BY sku_id, location_id
        )
        """;

    private readonly Lock gate = new();
    private List<Request> waiting = [];
    private bool isAsking;

    /// <summary>Questions of all lanes that come while a query runs go into the next one together: a query costs much, a key in it little.</summary>
    public Task<IReadOnlyList<LedgerOnHand>> OnHandAsync(
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
        while (true)
        {
            await Task.Delay(Gather);
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

            try
            {
                await AnswerAsync(requests);
            }
            catch (Exception e)
            {
                var fault = e is ClickHouseException ? new StoreUnavailableException("ClickHouse: " + e.Message, e) : e;
                requests.ForEach(r => r.Answer.TrySetException(fault));
            }
        }
    }

    private async Task AnswerAsync(List<Request> requests)
    {
        var all = requests.SelectMany(r => r.Questions.Select(q => (r.Topic, r.Partition, Question: q))).ToList();
        var parameters = new Dictionary<string, object?>
        {
            ["skus"] = all.ConvertAll(q => q.Question.Key.SkuId).ToArray(),
            ["locations"] = all.ConvertAll(q => q.Question.Key.LocationId).ToArray(),
            ["topics"] = all.ConvertAll(q => q.Topic).ToArray(),
            ["partitions"] = all.ConvertAll(q => q.Partition).ToArray(),
            ["before"] = all.ConvertAll(q => q.Question.BeforeOffset).ToArray(),
        };
        var answers = new Dictionary<PositionKey, LedgerOnHand>();
        await foreach (var row in clickHouse.QueryAsync(OnHandSql, parameters))
        {
            answers[new PositionKey(row.Get<string>("sku_id")!, row.Get<string>("location_id")!)] =
                new LedgerOnHand(row.Get<long>("on_hand"), row.Get<long>("last_ts"), row.Get<long>("last_qty"));
        }

        foreach (var request in requests)
        {
            request.Answer.TrySetResult([.. request.Questions.Select(q => answers.GetValueOrDefault(q.Key))]);
        }
    }

    private sealed record Request(
        string Topic, int Partition, IReadOnlyList<LedgerQuestion> Questions, TaskCompletionSource<IReadOnlyList<LedgerOnHand>> Answer);
}
