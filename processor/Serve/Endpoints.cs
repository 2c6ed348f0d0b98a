using System.Globalization;
using System.Text;
using System.Text.Json;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve;

/// <summary>The paths and what they answer.</summary>
internal sealed class Endpoints(IPositionReader positions, HistoryEndpoints past, ProcessorStatus status, PrometheusExporter exporter)
{
    private const string Json = "application/json";
    private const string PositionsPrefix = "/v1/positions/";

    /// <summary>The longest id that a movement may carry, in characters.</summary>
    internal const int MaximumIdLength = 64;

    private static readonly string[] Methods = ["GET", "HEAD"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/metrics", Methods, MetricsAsync);
        routes.MapMethods("/healthz", Methods, HealthAsync);
        routes.MapMethods("/readyz", Methods, ReadinessAsync);
        routes.MapMethods("/v1/status", Methods, StatusAsync);
        routes.MapMethods("/v1/positions/{**ids}", Methods, PositionsAsync);
    }

    // A scraper that takes OpenMetrics says so; all others get the text format.
    private Task MetricsAsync(HttpContext context)
    {
        var openMetrics = context.Request.Headers.Accept.Any(accept => accept?.Contains("application/openmetrics-text", StringComparison.Ordinal) == true);
        return Problems.JsonAsync(context, Encoding.UTF8.GetBytes(exporter.Write(openMetrics)),
            openMetrics ? PrometheusExporter.OpenMetricsType : PrometheusExporter.ContentType, context.RequestAborted);
    }

    private static Task HealthAsync(HttpContext context) =>
        Problems.JsonAsync(context, "{\"status\":\"alive\"}"u8.ToArray(), Json, context.RequestAborted);

    private Task ReadinessAsync(HttpContext context)
    {
        var missing = StatusReport.Missing(status);
        context.Response.StatusCode = missing.Count == 0 ? 200 : 503;
        var payload = new ReadinessPayload(missing.Count == 0 ? "ready" : "not_ready", missing);
        return Problems.JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(payload, ServeJson.Default.ReadinessPayload), Json, context.RequestAborted);
    }

    private Task StatusAsync(HttpContext context)
    {
        var payload = StatusReport.Of(status, exporter.Quantiles(Metrics.Freshness));
        return Problems.JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(payload, ServeJson.Default.StatusPayload), Json, context.RequestAborted);
    }

    private Task PositionsAsync(HttpContext context)
    {
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var ids = PathSegments.After(PositionsPrefix, target);
        if (ids.Length == 3 && ids[2] == "explain" && Array.TrueForAll(ids, IsId))
        {
            return past.ExplainAsync(context, ids[0], ids[1]);
        }

        if (ids.Length is not (1 or 2) || !Array.TrueForAll(ids, IsId))
        {
            return Problems.WriteAsync(context, 400, "bad-id",
                $"The path is {PositionsPrefix}SKU, {PositionsPrefix}SKU/LOCATION or {PositionsPrefix}SKU/LOCATION/explain with ids of 1 to {MaximumIdLength} characters; write a slash within an id as %2F.",
                context.RequestAborted);
        }

        if (HistoryEndpoints.IsAsked(context))
        {
            return ids.Length == 2
                ? past.PositionAsync(context, ids[0], ids[1])
                : Problems.WriteAsync(context, 400, "bad-time", "at and known_at need a location: " + PositionsPrefix + "SKU/LOCATION?at=...", context.RequestAborted);
        }

        return ids.Length == 1 ? SkuAsync(context, ids[0]) : PositionAsync(context, ids[0], ids[1]);
    }

    private static bool IsId(string id) => id.Length is > 0 and <= MaximumIdLength;

    private async Task SkuAsync(HttpContext context, string skuId)
    {
        var found = await positions.GetAsync(skuId, context.RequestAborted).ConfigureAwait(false);
        if (found.Count == 0)
        {
            await NotFoundAsync(context, $"SKU '{skuId}' has no position at any location.").ConfigureAwait(false);
            return;
        }

        var payload = new SkuPayload
        {
            SkuId = skuId,
            Positions = [.. found.OrderBy(position => position.LocationId, StringComparer.Ordinal).Select(PositionPayload.Of)],
        };
        await Problems.JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(payload, ServeJson.Default.SkuPayload), Json, context.RequestAborted)
            .ConfigureAwait(false);
    }

    private async Task PositionAsync(HttpContext context, string skuId, string locationId)
    {
        if (await positions.GetAsync(skuId, locationId, context.RequestAborted).ConfigureAwait(false) is not { } position)
        {
            await NotFoundAsync(context, $"SKU '{skuId}' has no position at location '{locationId}'.").ConfigureAwait(false);
            return;
        }

        if (Problems.IsUnchanged(context, string.Create(CultureInfo.InvariantCulture, $"\"{position.State.Version}\"")))
        {
            return;
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(PositionPayload.Of(position), ServeJson.Default.PositionPayload);
        await Problems.JsonAsync(context, body, Json, context.RequestAborted).ConfigureAwait(false);
    }

    private static Task NotFoundAsync(HttpContext context, string detail) =>
        Problems.WriteAsync(context, 404, "position-not-found", detail, context.RequestAborted);
}
