using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>A request to correct the book by so many units.</summary>
public sealed record AdjustmentRequest(string? SkuId, string? LocationId, long QuantityDelta, string? Reason, string? PerformedBy = null, string? Reference = null);

/// <summary>An adjustment as it is answered.</summary>
public sealed record AdjustmentPayload(
    string EventId, string SkuId, string LocationId, long QuantityDelta, string Reason, string PerformedBy, string? Reference, DateTime EventTs);

/// <summary>Plans of adjustments: single movements without a document.</summary>
internal sealed class Adjustments(Check check, StockOptions options)
{
    public Task<Plan> CreateAsync(CommandRequest<AdjustmentRequest> request, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var body = request.Body;
        var delta = body.QuantityDelta;
        RefusedCommandException.ThrowIf(delta == 0 || delta > options.MaximumQuantity || delta < -options.MaximumQuantity, "quantity_delta", $"must be from 1 to {options.MaximumQuantity} up or down");
        RefusedCommandException.ThrowIf(string.IsNullOrWhiteSpace(body.Reason), "reason", "is missing");
        var id = CommandParts.NewId(request.NowTs);
        var answer = new AdjustmentPayload(id, check.Sku("sku_id", body.SkuId), check.Location("location_id", body.LocationId), delta, Check.Text("reason", body.Reason)!,
            CommandParts.Person(request, "performed_by", body.PerformedBy), body.Reference is null ? null : Check.Id("reference", body.Reference), PositionPayload.Instant(request.NowTs));
        var move = new StockMove(id, answer.SkuId, answer.LocationId, MovementType.Adjustment, delta, answer.Reference ?? id, request.NowTs)
        {
            Check = StockCheck.OnHand,
            Reason = answer.Reason,
            PerformedBy = answer.PerformedBy,
        };
        return Task.FromResult(new Plan(new StockTransaction { Moves = [move] }, 201, System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(answer, MovingJson.Default.AdjustmentPayload)));
    }
}

/// <summary>The path of adjustments.</summary>
internal static class AdjustmentEndpoints
{
    public static void Map(IEndpointRouteBuilder routes, CommandHttp http, Adjustments adjustments) =>
        http.MapCommand(routes, "/v1/adjustments", "adjust", MovingJson.Default.AdjustmentRequest, adjustments.CreateAsync);
}
