using System.Text.Json;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>POST /v1/allocations: answers how an order can be shipped. It reserves nothing; whoever takes the plan reserves by it.</summary>
/// <param name="options">Settings.</param>
/// <param name="readStock">What is available of SKUs now, at every location that has any; the same pair once.</param>
/// <param name="readSites">Locations by their ids; one that is not known is left out.</param>
internal sealed class AllocationEndpoint(
    AllocationOptions options,
    Func<IReadOnlyList<string>, CancellationToken, Task<IReadOnlyList<AvailableStock>>> readStock,
    Func<IReadOnlyList<string>, CancellationToken, Task<IReadOnlyList<AllocationSite>>> readSites)
{
    public const string Path = "/v1/allocations";

    internal const int MaximumLines = 100, MaximumLocations = 1000, MaximumId = 64;
    internal const long MaximumQuantity = 1_000_000;

    private const string Json = "application/json";

    public void Map(IEndpointRouteBuilder routes, CommandHttp http) => routes.MapMethods(Path, ["POST"], context => http.AnswerAsync(context, _ => AnswerAsync(context)));

    /// <summary>The locations of a catalogue that ship to customers, for <c>readSites</c>: all but vendors, without bounds or workload.</summary>
    public static IReadOnlyList<AllocationSite> SitesOf(ReferenceCatalog catalog, IReadOnlyList<string> locationIds)
    {
        var sites = new List<AllocationSite>(locationIds.Count);
        foreach (var id in locationIds)
        {
            if (catalog.Location(id) is { Kind: not LocationKind.Vendor } details)
            {
                sites.Add(new AllocationSite(id, details.Place));
            }
        }

        return sites;
    }

    /// <summary>The plan for a request.</summary>
    /// <exception cref="BadAllocationException">A value can not be; the message names its place.</exception>
    public async Task<AllocationPlan> PlanAsync(AllocationRequest request, CancellationToken token)
    {
        var order = Check(request);
        var stock = await readStock([.. order.Lines.Select(line => line.SkuId).Distinct(StringComparer.Ordinal)], token).ConfigureAwait(false);
        IReadOnlyList<string> ids = request.Locations is { } wanted
            ? Array.ConvertAll(wanted, location => location.LocationId)
            : [.. stock.Where(item => item.Quantity > 0).Select(item => item.LocationId).Distinct(StringComparer.Ordinal)];
        var sites = await readSites(ids, token).ConfigureAwait(false);
        return Allocation.Plan(order, request.Locations is { } given ? Join(given, sites) : sites, stock, options, token);
    }

    private static AllocationSite[] Join(AllocationRequestLocation[] given, IReadOnlyList<AllocationSite> sites)
    {
        var known = sites.ToDictionary(site => site.LocationId, StringComparer.Ordinal);
        return [.. given.Select((location, i) => known.TryGetValue(location.LocationId, out var site)
            ? site with
            {
                UnitsLeft = location.UnitsLeft ?? site.UnitsLeft,
                ShipmentsLeft = location.ShipmentsLeft ?? site.ShipmentsLeft,
                Workload = location.Workload ?? site.Workload,
            }
            : throw new BadAllocationException("unknown-location", $"locations[{i}].location_id is no location that ships; publish it in topic reference.location."))];
    }

    internal async Task AnswerAsync(HttpContext context)
    {
        var token = context.RequestAborted;
        if (!CommandHttp.MayBeJson(context.Request))
        {
            await Problems.WriteAsync(context, 415, "unsupported-media-type", "Send the body as application/json.", token).ConfigureAwait(false);
            return;
        }

        AllocationPlan plan;
        try
        {
            var request = await JsonSerializer.DeserializeAsync(context.Request.Body, AllocationJson.Default.AllocationRequest, token).ConfigureAwait(false)
                ?? throw new BadAllocationException("bad-body", "The body is null.");
            plan = await PlanAsync(request, token).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            await Problems.WriteAsync(context, 400, "bad-body", $"The body is not what this path takes, at {e.Path ?? "$"} (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}).", token).ConfigureAwait(false);
            return;
        }
        catch (BadAllocationException e)
        {
            await Problems.WriteAsync(context, 400, e.Code, e.Message, token).ConfigureAwait(false);
            return;
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(AllocationPayload.Of(plan), AllocationJson.Default.AllocationPayload);
        await Problems.JsonAsync(context, body, Json, token).ConfigureAwait(false);
    }

    private AllocationOrder Check(AllocationRequest request)
    {
        var place = new GeoPoint(request.Destination.Latitude, request.Destination.Longitude);
        Check(place.IsValid, "destination", "must be degrees from -90 to 90 and from -180 to 180");
        Check(request.Lines.Length is >= 1 and <= MaximumLines, "lines", $"must be 1 to {MaximumLines}");
        Check(request.MaximumSplits is null or >= 1, "maximum_splits", "must be 1 or more");
        var lines = new AllocationLine[request.Lines.Length];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < lines.Length; i++)
        {
            var line = request.Lines[i] ?? throw new BadAllocationException("bad-value", $"lines[{i}] is null.");
            lines[i] = new AllocationLine(line.LineId ?? FormattableString.Invariant($"{i + 1}"), line.SkuId, line.Quantity);
            Check(IsId(lines[i].LineId), $"lines[{i}].line_id", $"must be 1 to {MaximumId} characters");
            Check(seen.Add(lines[i].LineId), $"lines[{i}].line_id", "stands in an earlier line too");
            Check(IsId(line.SkuId), $"lines[{i}].sku_id", $"must be 1 to {MaximumId} characters");
            Check(line.Quantity is >= 1 and <= MaximumQuantity, $"lines[{i}].quantity", $"must be from 1 to {MaximumQuantity}");
        }

        CheckLocations(request.Locations);
        return new AllocationOrder(place, lines, request.ShipComplete, Math.Min(request.MaximumSplits ?? int.MaxValue, options.MaximumShipments));
    }

    private static void CheckLocations(AllocationRequestLocation[]? locations)
    {
        Check(locations is null or { Length: >= 1 and <= MaximumLocations }, "locations", $"must be 1 to {MaximumLocations}, or absent");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < locations?.Length; i++)
        {
            var location = locations[i] ?? throw new BadAllocationException("bad-value", $"locations[{i}] is null.");
            Check(IsId(location.LocationId), $"locations[{i}].location_id", $"must be 1 to {MaximumId} characters");
            Check(seen.Add(location.LocationId), $"locations[{i}].location_id", "stands in an earlier entry too");
            Check(location.UnitsLeft is null or >= 0, $"locations[{i}].units_left", "must be 0 or more");
            Check(location.ShipmentsLeft is null or >= 0, $"locations[{i}].shipments_left", "must be 0 or more");
            Check(location.Workload is null or (>= 0 and <= 1), $"locations[{i}].workload", "must be from 0 to 1");
        }
    }

    private static bool IsId(string id) => id.Length is > 0 and <= MaximumId;

    private static void Check(bool isMet, string field, string rule)
    {
        if (!isMet)
        {
            throw new BadAllocationException("bad-value", $"{field} {rule}.");
        }
    }
}

/// <summary>A request whose values can not be.</summary>
internal sealed class BadAllocationException(string code, string message) : Exception(message)
{
    /// <summary>Code of the problem.</summary>
    public string Code { get; } = code;
}
