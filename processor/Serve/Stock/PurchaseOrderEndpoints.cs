namespace Stockflow.Serve.Stock;

/// <summary>The paths of purchase orders.</summary>
internal static class PurchaseOrderEndpoints
{
    public const string Path = "/v1/purchase-orders";

    public static void Map(IEndpointRouteBuilder routes, CommandHttp http, PurchaseOrders orders)
    {
        var documents = orders.Documents;
        http.MapCommand(routes, Path, "purchase-order", MovingJson.Default.PurchaseOrderRequest, orders.CreateAsync);
        http.MapList(routes, Path, documents, [PurchaseOrders.StateFilter, PurchaseOrders.VendorFilter, PurchaseOrders.SkuFilter, PurchaseOrders.LocationFilter]);
        http.MapDocument(routes, Path + "/{id}", documents);
        http.MapCommand(routes, Path + "/{id}/receive", "purchase-order-receive", MovingJson.Default.PurchaseReceiptRequest, orders.ReceiveAsync);
        http.MapCommand(routes, Path + "/{id}/close", "purchase-order-close", MovingJson.Default.EndRequest, orders.CloseAsync);
        http.MapCommand(routes, Path + "/{id}/cancel", "purchase-order-cancel", MovingJson.Default.EndRequest, orders.CancelAsync);
    }
}
