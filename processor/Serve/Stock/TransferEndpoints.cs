namespace Stockflow.Serve.Stock;

/// <summary>The paths of transfers.</summary>
internal static class TransferEndpoints
{
    public const string Path = "/v1/transfers";

    public static void Map(IEndpointRouteBuilder routes, CommandHttp http, Transfers transfers)
    {
        var documents = transfers.Documents;
        http.MapCommand(routes, Path, "transfer", MovingJson.Default.TransferRequest, transfers.CreateAsync);
        http.MapList(routes, Path, documents, [Transfers.StateFilter, Transfers.FromFilter, Transfers.ToFilter, Transfers.SkuFilter, Transfers.ReferenceFilter]);
        http.MapDocument(routes, Path + "/{id}", documents);
        http.MapCommand(routes, Path + "/{id}/ship", "transfer-ship", MovingJson.Default.TransferShipRequest, transfers.ShipAsync);
        http.MapCommand(routes, Path + "/{id}/receive", "transfer-receive", MovingJson.Default.TransferReceiptRequest, transfers.ReceiveAsync);
        http.MapCommand(routes, Path + "/{id}/cancel", "transfer-cancel", MovingJson.Default.EndRequest, transfers.CancelAsync);
    }
}
