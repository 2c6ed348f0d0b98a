namespace Stockflow.Serve.Stock;

/// <summary>The paths of reservations.</summary>
internal static class ReservationEndpoints
{
    public const string Path = "/v1/reservations";

    public static void Map(IEndpointRouteBuilder routes, CommandHttp http, Reservations reservations)
    {
        var documents = reservations.Documents;
        http.MapCommand(routes, Path, "reserve", StockJson.Default.ReservationRequest, reservations.CreateAsync);
        http.MapList(routes, Path, documents, [Reservations.StateFilter, Reservations.SkuFilter, Reservations.ReferenceFilter], Reservations.View);
        http.MapDocument(routes, Path + "/{id}", documents, Reservations.View);
        http.MapCommand(routes, Path + "/{id}/extend", "extend", StockJson.Default.ExtendRequest, reservations.ExtendAsync);
        http.MapCommand(routes, Path + "/{id}/fulfil", "fulfil", StockJson.Default.LinesRequest, reservations.FulfilAsync);
        http.MapCommand(routes, Path + "/{id}/release", "release", StockJson.Default.LinesRequest, reservations.ReleaseAsync);
    }
}
