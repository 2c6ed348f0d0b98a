using Stockflow.Serve.Stock;

namespace Stockflow.Serve.Console;

/// <summary>The reservations of <see cref="StockServices"/>, as the console shows them.</summary>
internal sealed class StockReservations(StockServices stock, TimeProvider time) : IConsoleReservations
{
    private const int PageSize = 50;

    public IReadOnlyList<string> States => [Reservation.Active, Reservation.Fulfilled, Reservation.Cancelled, Reservation.Expired];

    public async Task<ConsolePage<ConsoleReservation>> ListAsync(string? state, string? sku, string? cursor, CancellationToken token)
    {
        // One list at a time; the other filter is applied to its pages.
        var list = sku is not null ? $"{Reservations.SkuFilter}:{sku}" : state is not null ? $"{Reservations.StateFilter}:{state}" : DocumentKind<Reservation>.All;
        var page = await stock.Reservations.Documents.ListAsync(stock.Store, list, Cursors.Read(cursor), PageSize, token).ConfigureAwait(false);
        return new ConsolePage<ConsoleReservation>([.. page.Items.Select(item => Shown(item.Value)).Where(item => state is null || item.State == state)], Cursors.Write(page.Next));
    }

    public async Task<ConsoleReservation?> FindAsync(string id, CancellationToken token) =>
        await stock.Reservations.Documents.FindAsync(stock.Store, id, token).ConfigureAwait(false) is { } found ? Shown(found.Value) : null;

    public Task<string?> ReleaseAsync(string id, string performedBy, CancellationToken token) =>
        stock.RunForPersonAsync("release", stop => stock.Reservations.CancelAsync(id, performedBy, Now(), stop), token);

    private ConsoleReservation Shown(Reservation reservation)
    {
        var now = Reservations.View(reservation, Now());
        return new ConsoleReservation(now.ReservationId, now.State, now.Kind, $"{now.Reference.Type} {now.Reference.Id}", now.CreatedAt, now.ExpiresAt, now.IsActive,
            [.. now.Lines.Select(line => new ConsoleReservationLine(line.SkuId, line.LocationId, now.IsActive ? line.Held : line.Reserved))]);
    }

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
