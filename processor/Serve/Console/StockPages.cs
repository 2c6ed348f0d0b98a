using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Console;

/// <summary>Positions now and in the past, their reasons, and the ledger behind them.</summary>
internal sealed class StockPages(IPositionReader positions, IHistoryReader history, TimeProvider time)
{
    /// <summary>Locations of a page: each one of the past is a question to the history.</summary>
    private const int MaximumLocations = 50;
    private const int QuestionsAtOnce = 4, LedgerEntries = 50, MaximumCursor = 2048, MaximumTime = 40;

    public async Task LookUpAsync(ConsoleRequest request)
    {
        var sku = request.Query("sku");
        var found = sku is null ? [] : await positions.GetAsync(sku, request.Token).ConfigureAwait(false);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var bySlider = request.Query("by") == "sliders";
        var last = found.Count == 0 ? now : found.Max(position => position.State.LastEventTs);
        var at = Slider(request, "at", "Event time", "Only what had happened until then. Empty: everything.", last == 0 ? now : last, bySlider);
        var known = Slider(request, "known_at", "Known at", "Only what this system knew then. Empty: all it knows now.", now, bySlider);
        string? problem = null;
        var (atTime, knownTime) = (Read(at, ref problem), Read(known, ref problem));
        var frame = request.Frame("Stock lookup", Links.Sku);
        if (problem is not null)
        {
            await request.ShowAsync<SkuView>(frame, new SkuModel(sku, [], at, known, false, null, null, null, problem), 400).ConfigureAwait(false);
            return;
        }

        var after = request.Query("after");
        var ordered = found.OrderBy(position => position.LocationId, StringComparer.Ordinal)
            .Where(position => after is null || string.CompareOrdinal(position.LocationId, after) > 0).Take(MaximumLocations + 1).ToList();
        var shown = ordered[..Math.Min(ordered.Count, MaximumLocations)];
        var isPast = atTime is not null || knownTime is not null;
        var asOf = new AsOf(atTime ?? AsOf.Everything, knownTime ?? now);
        var rows = isPast ? await PastAsync(shown, asOf, request.Token).ConfigureAwait(false) : [.. shown.Select(PositionPayload.Of)];
        var (atQuery, knownQuery) = (atTime is { } a ? Show.Iso(a) : null, knownTime is { } k ? Show.Iso(k) : null);
        var next = ordered.Count > shown.Count
            ? Links.To(Links.Sku, ("sku", sku), ("at", atQuery), ("known_at", knownQuery), ("at_span", at.Span), ("known_at_span", known.Span), ("after", shown[^1].LocationId))
            : null;
        await request.ShowAsync<SkuView>(frame, new SkuModel(sku, rows, at, known, isPast, atQuery, knownQuery, next, null)).ConfigureAwait(false);
    }

    public async Task ExplainAsync(ConsoleRequest request)
    {
        var (sku, location) = (Required(request, "sku"), Required(request, "location"));
        var (at, known) = (Time(request, "at"), Time(request, "known_at"));
        var asOf = new AsOf(at ?? AsOf.Everything, known ?? time.GetUtcNow().ToUnixTimeMilliseconds());
        var told = await history.ExplainAsync(sku, location, asOf, request.Token).ConfigureAwait(false);
        var model = new ExplainModel(sku, location, Text(at), Text(known), told is null ? null : ExplainPayload.Of(told, asOf));
        await request.ShowAsync<ExplainView>(request.Frame("Why a position is what it is", Links.Sku), model, told is null ? 404 : 200).ConfigureAwait(false);
    }

    public async Task LedgerAsync(ConsoleRequest request)
    {
        var (sku, location) = (request.Query("sku"), request.Query("location"));
        var frame = request.Frame("Ledger", Links.Ledger);
        if (sku is null)
        {
            await request.ShowAsync<LedgerView>(frame, new LedgerModel(null, location, null, null, [], null, null, null)).ConfigureAwait(false);
            return;
        }

        var (to, known) = (Time(request, "to"), Time(request, "known_at"));

        // A page of entries ends before its time; a position takes in the events of its very millisecond.
        var question = new LedgerPageQuestion(sku, location, 0, to is { } until ? until + 1 : AsOf.Everything,
            known ?? time.GetUtcNow().ToUnixTimeMilliseconds(), null, LedgerEntries);
        if (request.Query("cursor", MaximumCursor) is { } text)
        {
            var cursor = LedgerCursor.Read(text);
            if (cursor is null || !cursor.Fits(question))
            {
                throw new BadInputException("The cursor belongs to another list. Begin with the first page.");
            }

            question = question with { KnownAt = cursor.KnownAt, After = cursor.Place };
        }

        var page = await history.PageAsync(question, request.Token).ConfigureAwait(false);
        var next = page.IsLast || page.Entries.Count == 0
            ? null
            : Links.To(Links.Ledger, ("sku", sku), ("location", location), ("to", Text(to)), ("known_at", Text(known)), ("cursor", LedgerCursor.Write(page.Entries[^1], question)));
        await request.ShowAsync<LedgerView>(frame, new LedgerModel(sku, location, Text(to), Text(known), [.. page.Entries.Select(LedgerEntryPayload.Of)],
            PositionPayload.Instant(question.KnownAt), next, null)).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<PositionPayload>> PastAsync(List<StockPosition> shown, AsOf asOf, CancellationToken token)
    {
        var rows = new PositionPayload?[shown.Count];
        await Parallel.ForAsync(0, shown.Count, new ParallelOptions { MaxDegreeOfParallelism = QuestionsAtOnce, CancellationToken = token }, async (i, stop) =>
            rows[i] = await history.PositionAsync(shown[i].SkuId, shown[i].LocationId, asOf, stop).ConfigureAwait(false) is { } position
                ? PositionPayload.Of(position, asOf)
                : null).ConfigureAwait(false);
        return [.. rows.OfType<PositionPayload>()];
    }

    private static SliderModel Slider(ConsoleRequest request, string name, string label, string help, long most, bool bySlider)
    {
        var (span, length) = TimeSpans.Of(request.Query(name + "_span"));
        var text = request.Query(name, MaximumTime) ?? "";
        if (bySlider && long.TryParse(request.Query(name + "_slider"), NumberStyles.None, CultureInfo.InvariantCulture, out var slid) && slid <= TimeText.Maximum)
        {
            // The right end says "no limit", also where it has moved on since the page was made.
            text = long.TryParse(request.Query(name + "_most"), NumberStyles.None, CultureInfo.InvariantCulture, out var end) && slid >= end ? "" : Show.Iso(slid);
        }

        var least = Math.Max(0, most - length);
        var value = TimeText.TryRead(text, out var chosen, out _) ? Math.Clamp(chosen, least, most) : most;
        return new SliderModel(name, label, help, text, least, most, value, span);
    }

    private static long? Read(SliderModel slider, ref string? problem)
    {
        if (slider.Text.Length == 0)
        {
            return null;
        }

        if (TimeText.TryRead(slider.Text, out var chosen, out var wrong))
        {
            return chosen;
        }

        problem ??= $"{slider.Label}: {wrong}.";
        return null;
    }

    private static long? Time(ConsoleRequest request, string name) => request.Query(name, MaximumTime) is not { } text
        ? null
        : TimeText.TryRead(text, out var milliseconds, out var wrong) ? milliseconds : throw new BadInputException($"{name} {wrong}.");

    private static string? Text(long? milliseconds) => milliseconds is { } known ? Show.Iso(known) : null;

    private static string Required(ConsoleRequest request, string name) => request.Query(name) ?? throw new BadInputException($"{name} is missing.");
}
