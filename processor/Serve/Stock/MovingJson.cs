using System.Text.Json.Serialization;

namespace Stockflow.Serve.Stock;

/// <summary>JSON of transfers, purchase orders and adjustments.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(Transfer))]
[JsonSerializable(typeof(TransferRequest))]
[JsonSerializable(typeof(TransferShipRequest))]
[JsonSerializable(typeof(TransferReceiptRequest))]
[JsonSerializable(typeof(EndRequest))]
[JsonSerializable(typeof(AdjustmentRequest))]
[JsonSerializable(typeof(AdjustmentPayload))]
[JsonSerializable(typeof(PurchaseOrder))]
[JsonSerializable(typeof(PurchaseOrderRequest))]
[JsonSerializable(typeof(PurchaseReceiptRequest))]
internal sealed partial class MovingJson : JsonSerializerContext;
