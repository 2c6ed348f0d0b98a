using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Positions that late counts and corrections have unsettled, computed from the ledger.</summary>
public sealed class LedgerReader(IClickHouse clickHouse) : ILedgerReader
{
    /// <summary>Parameters travel in the address, which a server bounds (http_max_uri_size, 1 MiB).</summary>
    private const int MaximumQuestions = 2000;

    /// <summary>Corrected events of one query, for the same reason.</summary>
    private const int MaximumCorrected = 2000;

    /// <summary>However slow the server is, so few SKUs at once must be within its time.</summary>
    private const int MinimumQuestions = 8;

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(200), LongestGather = TimeSpan.FromSeconds(3);

    // A SKU's rows up to the offset that it is asked as of. They are few, in many parts: more threads cost more than they save.
    private const string Rows = """
        topic = {topic:String} AND sku_id IN {skus:Array(String)} AND offset < transform(sku_id, {skus:Array(String)}, {before:Array(Int64)}, toInt64(0))
        """;

    // Everything here is found by the primary key, so a skip index only costs time; one that a full disk has damaged would stop the lanes.
    private const string FewThreads = "SETTINGS max_threads = 2, use_skip_indexes = 0";

    private const string CorrectionsSql = $"""
        SELECT sku_id, event_id, corrects_event_id, qty_delta, offset FROM corrections WHERE {Rows}
        ORDER BY topic, partition, offset
        {FewThreads}
        """;

    // The movements that corrections name, at any location.
    private const string RootsSql = $$"""
        SELECT DISTINCT sku_id, event_id, toString(location_id), if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN'), toString(counterpart_location_id), '')
        FROM ledger
        WHERE {{Rows}} AND movement_type != 'CORRECTION' AND event_id IN (SELECT corrects_event_id FROM corrections WHERE {{Rows}})
        {{FewThreads}}
        """;

    private const string Places = "(SELECT arrayJoin(arrayZip({place_skus:Array(String)}, {places:Array(String)})))";

    // As the history's reader sums up one position. An event of a SKU is named by both ids, the length of the first before them.
    private static string SumsSql(bool isCorrected) => $$"""
        SELECT sku_id, place, own, type, ts > last.1 AS is_since, count(), sum(units), max(ts), any(last.1), any(last.2)
        FROM
        (
            SELECT *, maxIf((ts, ifNull(counted, 0)), own AND type = 'CYCLE_COUNT' AND counted IS NOT NULL) OVER (PARTITION BY sku_id, place) AS last
            FROM
            (
                SELECT sku_id, leg.1 AS place, leg.2 = 1 AS own, toString(movement_type) AS type, toUnixTimestamp64Milli(event_ts) AS ts,
                    {{(isCorrected ? """
                    event IN {voided:Array(String)} AS is_void,
                    if(type != 'CYCLE_COUNT' AND (partition, offset) != first, 0, transform(event, {amended:Array(String)}, {amounts:Array(Int64)}, toInt64(0))) AS amount,
                    if(is_void, 0, qty_delta + amount) AS units,
                    if(is_void, NULL, counted_qty + amount) AS counted
                    """ : "qty_delta AS units, counted_qty AS counted")}}
                FROM
                (
                    SELECT *{{(isCorrected ? ", min((partition, offset)) OVER (PARTITION BY event) AS first" : "")}}
                    FROM
                    (
                        SELECT partition, offset, event_ts, sku_id, location_id, counterpart_location_id, movement_type, qty_delta, counted_qty, stocked
                            {{(isCorrected ? ", concat(toString(length(sku_id)), ':', sku_id, event_id) AS event" : "")}}
                        FROM ledger
                        PREWHERE sku_id IN {skus:Array(String)}
                        WHERE {{Rows}} AND movement_type != 'CORRECTION'
                            AND ((sku_id, toString(location_id)) IN {{Places}}
                                OR (movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN')
                                    AND (sku_id, toString(counterpart_location_id)) IN {{Places}})
                                {{(isCorrected ? "OR event IN {amended:Array(String)}" : "")}})
                        ORDER BY recorded_at LIMIT 1 BY topic, partition, offset
                    )
                )
                ARRAY JOIN arrayConcat([(toString(location_id), 1)], if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN'), [(toString(counterpart_location_id), 0)], [])) AS leg
                WHERE stocked = 1 AND (sku_id, leg.1) IN {{Places}}
            )
        )
        GROUP BY sku_id, place, own, type, is_since
        {{FewThreads}}
        """;

    // What came after counts, at their own location only: the head of the sorting key. Movements that corrections name stand by themselves.
    private const string CountsSql = $$"""
        SELECT sku_id, place, type, event, sum(qty_delta)
        FROM
        (
            SELECT partition, offset, sku_id, toString(location_id) AS place, toString(movement_type) AS type, qty_delta,
                if(event_id IN (SELECT corrects_event_id FROM corrections WHERE {{Rows}}), event_id, '') AS event
            FROM ledger
            WHERE {{Rows}} AND (sku_id, location_id) IN {{Places}} AND stocked = 1 AND movement_type NOT IN ('CORRECTION', 'CYCLE_COUNT')
                AND toUnixTimestamp64Milli(event_ts) > transform(concat(toString(length(sku_id)), ':', sku_id, place), {names:Array(String)}, {since:Array(Int64)}, toInt64(0))
            LIMIT 1 BY partition, offset
        )
        GROUP BY sku_id, place, type, event
        {{FewThreads}}
        """;

    private readonly Lock gate = new();
    private List<Request> waiting = [];
    private bool isAsking;
    private int questionsAtOnce = MaximumQuestions;

    /// <summary>Questions of all lanes that come while a query runs go into the next one together: a query costs much, a key in it little.</summary>
    public Task<IReadOnlyList<LedgerAnswer>> AskAsync(
        string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token)
    {
        var request = new Request(topic, partition, questions, new(TaskCreationOptions.RunContinuationsAsynchronously), token);
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
                requests = Take();
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

            // A query costs a server much of its time whatever is asked: three quarters of it stay for what else it has to do.
            var rest = 3 * Stopwatch.GetElapsedTime(started);
            gather = rest < Gather ? Gather : rest > LongestGather ? LongestGather : rest;
        }
    }

    // A SKU has one lane, and a query asks about it once, as of one offset. A lane that has ended may have left its last question here and
    // its successor asks about the same SKUs as of a later offset: they never go together, and nobody waits for the former's answer.
    private List<Request> Take()
    {
        waiting.RemoveAll(request => request.Token.IsCancellationRequested);
        var asked = 0;
        List<Request> taken = [.. waiting.DistinctBy(request => (request.Topic, request.Partition))
            .TakeWhile(request => (asked += request.Questions.Count) <= MaximumQuestions || asked == request.Questions.Count)];
        waiting.RemoveAll(taken.Contains);
        return taken;
    }

    private async Task AnswerAsync(List<Request> requests)
    {
        foreach (var topic in requests.GroupBy(request => request.Topic))
        {
            await AnswerAsync(topic.Key, [.. topic]);
        }
    }

    private async Task AnswerAsync(string topic, List<Request> requests)
    {
        var positions = new Dictionary<string, List<StockPosition>>(StringComparer.Ordinal);
        var since = new Dictionary<(string SkuId, string Location), long>();
        var awaited = new Dictionary<string, List<UInt128>>(StringComparer.Ordinal);
        foreach (var questions in requests.SelectMany(r => r.Questions).OrderBy(IsAboutCounts).Chunk(questionsAtOnce))
        {
            try
            {
                await AskAsync(topic, Array.FindAll(questions, q => !IsAboutCounts(q)), positions, awaited);
                await AskCountsAsync(topic, Array.FindAll(questions, IsAboutCounts), since);
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
            request.Answer.TrySetResult([.. request.Questions.Select(q => new LedgerAnswer(
                positions.GetValueOrDefault(q.SkuId) ?? [],
                [.. q.Counts.Select(count => since.GetValueOrDefault((q.SkuId, count.LocationId)))],
                awaited.GetValueOrDefault(q.SkuId) ?? []))]);
        }
    }

    private static bool IsAboutCounts(LedgerQuestion question) => question.Counts.Count > 0;

    private async Task AskAsync(string topic, LedgerQuestion[] all, Dictionary<string, List<StockPosition>> positions, Dictionary<string, List<UInt128>> awaited)
    {
        if (all.Length == 0)
        {
            return;
        }

        var skus = await CorrectedSkusAsync(topic, all);
        var places = all.SelectMany(q => q.Locations.Select(location => (q.SkuId, Location: location))).ToHashSet();
        foreach (var question in all)
        {
            if (skus.TryGetValue(question.SkuId, out var sku))
            {
                places.UnionWith(sku.PlacesSince(question.FromOffset).Select(location => (question.SkuId, location)));
                awaited[question.SkuId] = [.. sku.Awaited.Select(id => SipHash128.Hash(Encoding.UTF8.GetBytes(id)))];
            }
        }

        await SumAsync(topic, all, places, skus, positions);
    }

    private async Task AskCountsAsync(string topic, LedgerQuestion[] all, Dictionary<(string SkuId, string Location), long> since)
    {
        if (all.Length == 0)
        {
            return;
        }

        var places = all.SelectMany(q => q.Counts.Select(count => (q.SkuId, count.LocationId))).ToArray();
        var parameters = ParametersOf(topic, all, places);
        parameters["names"] = Array.ConvertAll(places, place => NameOf(place.SkuId, place.LocationId));
        parameters["since"] = all.SelectMany(q => q.Counts.Select(count => count.EventTs)).ToArray();
        var corrected = new List<(string SkuId, string Location, string Event, long Units)>();
        await foreach (var row in clickHouse.QueryAsync(CountsSql, parameters))
        {
            var (skuId, location, eventId) = (row.Get<string>(0)!, row.Get<string>(1)!, row.Get<string>(3)!);
            if (!new MovementSum(row.Get<string>(2)!, false, 1, 0).ChangesOnHand)
            {
                continue;
            }

            if (eventId.Length > 0)
            {
                corrected.Add((skuId, location, eventId, row.Get<long>(4)));
            }
            else
            {
                Add(skuId, location, row.Get<long>(4));
            }
        }

        if (corrected.Count == 0)
        {
            return;
        }

        var skus = await CorrectionsAsync(ParametersOf(topic, QuestionsOf(all, corrected.Select(each => each.SkuId))));
        foreach (var (skuId, location, eventId, units) in corrected)
        {
            // A correction of another SKU may name the same event, and means nothing to it.
            Add(skuId, location, skus.TryGetValue(skuId, out var sku) ? sku.UnitsOf(eventId, units) : units);
        }

        void Add(string skuId, string location, long units) => CollectionsMarshal.GetValueRefOrAddDefault(since, (skuId, location), out _) += units;
    }

    private static Dictionary<string, object?> ParametersOf(string topic, LedgerQuestion[] questions) => new()
    {
        ["topic"] = topic,
        ["skus"] = Array.ConvertAll(questions, q => q.SkuId),
        ["before"] = Array.ConvertAll(questions, q => q.BeforeOffset),
    };

    private static Dictionary<string, object?> ParametersOf(string topic, LedgerQuestion[] questions, (string SkuId, string Location)[] places) => new(ParametersOf(topic, questions))
    {
        ["place_skus"] = Array.ConvertAll(places, place => place.SkuId),
        ["places"] = Array.ConvertAll(places, place => place.Location),
    };

    private static LedgerQuestion[] QuestionsOf(LedgerQuestion[] all, IEnumerable<string> skus)
    {
        var wanted = skus.ToHashSet(StringComparer.Ordinal);
        return Array.FindAll(all, q => wanted.Contains(q.SkuId));
    }

    private async Task<Dictionary<string, CorrectedSku>> CorrectionsAsync(Dictionary<string, object?> parameters)
    {
        var corrections = new Dictionary<string, List<(LedgerCorrection, long)>>(StringComparer.Ordinal);
        await foreach (var row in clickHouse.QueryAsync(CorrectionsSql, parameters))
        {
            var fact = new CorrectionFact(row.Get<string>(1)!, row.Get<string>(2)!, "", row.Get<long>(3), 0, 0, "");
            Of(corrections, row.Get<string>(0)!).Add((new LedgerCorrection(fact, null), row.Get<long>(4)));
        }

        return corrections.ToDictionary(pair => pair.Key, pair => new CorrectedSku(pair.Value), StringComparer.Ordinal);
    }

    private async Task<Dictionary<string, CorrectedSku>> CorrectedSkusAsync(string topic, LedgerQuestion[] questions)
    {
        var parameters = ParametersOf(topic, questions);
        var skus = await CorrectionsAsync(parameters);
        if (skus.Count > 0)
        {
            await foreach (var row in clickHouse.QueryAsync(RootsSql, parameters))
            {
                if (skus.TryGetValue(row.Get<string>(0)!, out var sku))
                {
                    sku.AddRow(row.Get<string>(1)!, row.Get<string>(2)!, row.Get<string>(3)!);
                }
            }
        }

        return skus;
    }

    // Corrected events travel in the address too, so that many of them are taken a part of the SKUs at a time.
    private async Task SumAsync(
        string topic, LedgerQuestion[] all, IEnumerable<(string SkuId, string Location)> places, Dictionary<string, CorrectedSku> skus, Dictionary<string, List<StockPosition>> positions)
    {
        var (part, corrected) = (new List<(string SkuId, string Location)>(), new List<(string Event, long? Amount)>());
        foreach (var sku in places.GroupBy(place => place.SkuId))
        {
            part.AddRange(sku);
            if (skus.TryGetValue(sku.Key, out var known))
            {
                corrected.AddRange(known.CorrectedAt([.. sku.Select(place => place.Location)]).Select(each => (NameOf(sku.Key, each.EventId), each.Amount)));
            }

            if (corrected.Count >= MaximumCorrected)
            {
                await SumAsync(topic, all, part, corrected, positions);
                part.Clear();
                corrected.Clear();
            }
        }

        if (part.Count > 0)
        {
            await SumAsync(topic, all, part, corrected, positions);
        }
    }

    private async Task SumAsync(
        string topic, LedgerQuestion[] all, List<(string SkuId, string Location)> places, List<(string Event, long? Amount)> corrected, Dictionary<string, List<StockPosition>> positions)
    {
        // Only the part's own SKUs: each costs a read of all its rows.
        var parameters = ParametersOf(topic, QuestionsOf(all, places.Select(place => place.SkuId)), [.. places]);
        var amended = corrected.Where(each => each.Amount is not null).ToArray();
        parameters["voided"] = corrected.Where(each => each.Amount is null).Select(each => each.Event).ToArray();
        parameters["amended"] = Array.ConvertAll(amended, each => each.Event);
        parameters["amounts"] = Array.ConvertAll(amended, each => each.Amount!.Value);
        var states = new Dictionary<(string SkuId, string Location), PositionState>();
        await foreach (var row in clickHouse.QueryAsync(SumsSql(corrected.Count > 0), parameters))
        {
            ref var state = ref CollectionsMarshal.GetValueRefOrAddDefault(states, (row.Get<string>(0)!, row.Get<string>(1)!), out var isKnown);
            if (!isKnown)
            {
                (state.LastCountTs, state.LastCountQty) = (row.Get<long>(8), row.Get<long>(9));
                state.OnHand = state.LastCountQty;
            }

            var isOwn = row.Get<int>(2) != 0;
            PositionSums.Add(ref state, new MovementSum(row.Get<string>(3)!, !isOwn, row.Get<long>(5), row.Get<long>(6)), isSince: row.Get<int>(4) != 0);
            state.LastEventTs = isOwn ? Math.Max(state.LastEventTs, row.Get<long>(7)) : state.LastEventTs;
        }

        foreach (var (place, state) in states)
        {
            Of(positions, place.SkuId).Add(new StockPosition(place.SkuId, place.Location, state));
        }
    }

    private static string NameOf(string skuId, string eventId) =>
        string.Create(CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetByteCount(skuId)}:{skuId}{eventId}");

    private static List<T> Of<T>(Dictionary<string, List<T>> lists, string sku)
    {
        if (!lists.TryGetValue(sku, out var list))
        {
            lists.Add(sku, list = []);
        }

        return list;
    }

    private sealed record Request(
        string Topic, int Partition, IReadOnlyList<LedgerQuestion> Questions, TaskCompletionSource<IReadOnlyList<LedgerAnswer>> Answer, CancellationToken Token);

    /// <summary>The corrections of one SKU as of an offset, and where the movements are that they name.</summary>
    /// <param name="corrections">By rising offset.</param>
    private sealed class CorrectedSku(List<(LedgerCorrection Correction, long Offset)> corrections)
    {
        private readonly CorrectionEffects effects = new(corrections.Select(each => each.Correction));

        // Of an event_id that stands twice the first row counts.
        private readonly Dictionary<string, long> offsets = corrections.DistinctBy(each => each.Correction.Fact.EventId)
            .ToDictionary(each => each.Correction.Fact.EventId, each => each.Offset, StringComparer.Ordinal);

        private readonly Dictionary<string, HashSet<string>> places = new(StringComparer.Ordinal);

        /// <summary>Events that are not known.</summary>
        public IEnumerable<string> Awaited => effects.Resolved.Select(correction => correction.Fact.RootId).Where(root => !places.ContainsKey(root)).Distinct();

        /// <summary>Takes notice of where a movement is.</summary>
        public void AddRow(string eventId, string location, string counterpart)
        {
            if (!places.TryGetValue(eventId, out var known))
            {
                places.Add(eventId, known = []);
            }

            known.Add(location);
            if (counterpart.Length > 0)
            {
                known.Add(counterpart);
            }
        }

        /// <summary>Places of what corrections from an offset on are about, in effect or not: a void of a void has an effect through what it undoes.</summary>
        public IEnumerable<string> PlacesSince(long offset) =>
            effects.Resolved.Where(correction => offsets[correction.Fact.EventId] >= offset).SelectMany(correction => PlacesOf(correction.Fact.RootId));

        /// <summary>Events at some locations whose quantity corrections in effect change: what they add, null where they void it.</summary>
        public IEnumerable<(string EventId, long? Amount)> CorrectedAt(HashSet<string> locations) =>
            from id in effects.Corrected
            where PlacesOf(id).Any(locations.Contains)
            select (id, AmountOf(id));

        /// <summary>What corrections in effect leave of an event's units.</summary>
        public long UnitsOf(string eventId, long units) => AmountOf(eventId) is { } amount ? units + amount : 0;

        private long? AmountOf(string eventId) =>
            effects.VoidOf(eventId) is null ? effects.AmendmentsOf(eventId).Sum(correction => correction.Fact.Quantity) : null;

        private HashSet<string> PlacesOf(string eventId) => places.TryGetValue(eventId, out var known) ? known : [];
    }
}
