using Stockflow.Telemetry;

namespace Stockflow.Serve.Console;

/// <summary>Reservations, and releasing one.</summary>
internal sealed class ReservationPage(IConsoleReservations? reservations, ILogger logger)
{
    private const int MaximumCursor = 2048;

    public Task ShowAsync(ConsoleRequest request) =>
        ShowAsync(request, request.Query("done") == "released" ? "The reservation is released." : null, null, 200);

    public async Task ReleaseAsync(ConsoleRequest request)
    {
        var id = request.Required("id");
        if (reservations is null || request.Person is not { } person)
        {
            await ShowAsync(request, null, reservations is null ? null : CommandForms.NobodySaid, 409).ConfigureAwait(false);
            return;
        }

        var problem = await reservations.ReleaseAsync(id, person, request.Token).ConfigureAwait(false);
        logger.ConsoleCommand(person, "release", id, problem ?? "done");
        await (problem is null
            ? request.GoToAsync(Links.To(Links.Reservations, ("state", request.Field("state")), ("sku", request.Field("sku")), ("done", "released")))
            : ShowAsync(request, null, $"Reservation {id} was not released: {problem}", 409)).ConfigureAwait(false);
    }

    private async Task ShowAsync(ConsoleRequest request, string? notice, string? problem, int status)
    {
        var frame = request.Frame("Reservations", Links.Reservations, notice, problem);
        if (reservations is null)
        {
            await request.ShowAsync<ReservationsView>(frame, new ReservationsModel(null, [], null, null), status).ConfigureAwait(false);
            return;
        }

        var (state, sku) = (CommandForms.State(request.Query("state"), reservations.States), request.Query("sku"));
        var page = await CommandForms.ListAsync(() => reservations.ListAsync(state, sku, request.Query("cursor", MaximumCursor), request.Token)).ConfigureAwait(false);
        await request.ShowAsync<ReservationsView>(frame, new ReservationsModel(page, reservations.States, state, sku), status).ConfigureAwait(false);
    }
}
