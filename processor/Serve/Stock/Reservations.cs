using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Plans of reservations. Each line is a hold in the store, which counts until it expires by the store's clock, and a RESERVE movement; what
/// leaves is a SHIP (a TRANSFER_OUT for a transfer), what is given back or expires a RELEASE.
/// </summary>
internal sealed class Reservations(IStockStore store, AtpReader atp, Check check, StockOptions options)
{
    public const string Kind = "reservation", StateFilter = "state", SkuFilter = "sku_id", ReferenceFilter = "reference_id";

    public DocumentKind<Reservation> Documents { get; } = new(Kind, StockJson.Default.Reservation, r => r.ReservationId,
        r => [$"{StateFilter}:{r.State}", $"{ReferenceFilter}:{r.Reference.Id}", .. r.Lines.Select(line => $"{SkuFilter}:{line.SkuId}").Distinct()],
        r => r.IsActive ? r.ExpiresTs : options.GoneTs(r.ChangedAt));

    public async Task<Plan> CreateAsync(CommandRequest<ReservationRequest> request, CancellationToken token)
    {
        var body = request.Body;
        var now = PositionPayload.Instant(request.NowTs);
        var lines = ReadLines(body);
        if (body.AllowPartial)
        {
            lines = await LimitAsync(lines, token).ConfigureAwait(false);
        }

        var reservation = new Reservation
        {
            ReservationId = Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(request.NowTs)).ToString("N"),
            State = Reservation.Active,
            Kind = body.Kind is "soft" or "hard" ? body.Kind : throw RefusedCommandException.BadValue("kind", "must be soft or hard"),
            Reference = ReadReference(body.Reference),
            CreatedAt = now,
            ChangedAt = now,
            ExpiresAt = Expiry(body.TtlSeconds, body.Kind, now),
            CustomerRef = Check.Text("customer_ref", body.CustomerRef),
            CreatedBy = request.Caller,
            Lines = lines,
        };
        return Planned(null, reservation, lines.Select((line, i) => Move(reservation, i, 1, MovementType.Reserve, -line.Reserved, request.Caller, request.NowTs)), 201) with
        {
            Location = "/v1/reservations/" + reservation.ReservationId,
            ReplanWhenShort = body.AllowPartial,
        };
    }

    public async Task<Plan> ExtendAsync(CommandRequest<ExtendRequest> request, CancellationToken token)
    {
        var former = await ActiveAsync(request, token).ConfigureAwait(false);
        var now = PositionPayload.Instant(request.NowTs);
        return Planned(former, former.Value with { ExpiresAt = Expiry(request.Body.TtlSeconds, former.Value.Kind, now), ChangedAt = now }, [], 200);
    }

    public async Task<Plan> FulfilAsync(CommandRequest<LinesRequest> request, CancellationToken token)
    {
        var former = await ActiveAsync(request, token).ConfigureAwait(false);
        Check.Text("reason", request.Body.Reason);
        var quantities = ReadQuantities(former.Value, request.Body);
        var lines = former.Value.Lines.Select((line, i) => line with { Fulfilled = line.Fulfilled + quantities[i] }).ToArray();
        var now = Close(former.Value with { Lines = lines, ChangedAt = PositionPayload.Instant(request.NowTs) });
        return Planned(former, now, quantities.SelectMany((quantity, i) => Leaving(now, i, former.Revision + 1, quantity, request.Caller, request.NowTs)), 200);
    }

    public async Task<Plan> ReleaseAsync(CommandRequest<LinesRequest> request, CancellationToken token)
    {
        var former = await ActiveAsync(request, token).ConfigureAwait(false);
        Check.Text("reason", request.Body.Reason);
        return Release(former, ReadQuantities(former.Value, request.Body), request.Caller, request.NowTs, request.Body.Reason);
    }

    /// <summary>All that is held goes back, by an operator.</summary>
    public async Task<Plan> CancelAsync(string id, string caller, long nowTs, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, id, token).ConfigureAwait(false);
        RefuseUnlessActive(former.Value, nowTs);
        return Release(former, [.. former.Value.Lines.Select(line => line.Held)], caller, nowTs, null);
    }

    /// <summary>Ends what has expired, and removes what ended long ago; null where neither is due.</summary>
    public async Task<Plan?> SweepAsync(string id, CancellationToken token)
    {
        if (await Documents.FindAsync(store, id, token).ConfigureAwait(false) is not { Value.IsActive: true } former)
        {
            return await Documents.SweepAsync(store, id, token).ConfigureAwait(false);
        }

        var ts = former.Value.ExpiresTs;
        var plan = Release(former, [.. former.Value.Lines.Select(line => line.Held)], "stockflow", ts, "EXPIRED", Reservation.Expired);
        return plan with { Transaction = plan.Transaction with { BeforeTs = 0, FromTs = ts } };
    }

    /// <summary>What a reader sees: one whose time is over is expired, swept or not.</summary>
    public static Reservation View(Reservation reservation, long nowTs) => reservation.HasLapsed(nowTs) ? reservation with { State = Reservation.Expired } : reservation;

    private Plan Release(Versioned<Reservation> former, long[] quantities, string caller, long nowTs, string? reason, string? state = null)
    {
        var lines = former.Value.Lines.Select((line, i) => line with { Released = line.Released + quantities[i] }).ToArray();
        var now = Close(former.Value with { Lines = lines, ChangedAt = PositionPayload.Instant(nowTs) }) is var closed && state is not null ? closed with { State = state } : closed;
        var moves = quantities.Select((quantity, i) => Move(now, i, former.Revision + 1, MovementType.Release, quantity, caller, nowTs) with { Reason = reason });
        return Planned(former, now, moves, 200);
    }

    private Plan Planned(Versioned<Reservation>? former, Reservation now, IEnumerable<StockMove> moves, int status)
    {
        var holds = now.Lines.Select((line, i) => new StockHold($"{now.ReservationId}:{i}", line.SkuId, line.LocationId, line.Held, now.ExpiresTs))
            .Where((hold, i) => former is null ? hold.Quantity > 0 : hold.Quantity != former.Value.Lines[i].Held || (hold.Quantity > 0 && now.ExpiresTs != former.Value.ExpiresTs));
        return new Plan(
            new StockTransaction
            {
                Documents = [Documents.Write(now, former)],
                Moves = [.. moves.Where(move => move.Quantity != 0)],
                Holds = [.. holds],
                BeforeTs = former?.Value.ExpiresTs ?? 0,
            }, status, Documents.Serialize(now))
        {
            Revision = (former?.Revision ?? 0) + 1,
        };
    }

    // What leaves was reserved: a SHIP takes both; a transfer's leg takes on-hand alone, so its reservation is given back beside it.
    private static IEnumerable<StockMove> Leaving(Reservation reservation, int line, long revision, long quantity, string caller, long nowTs)
    {
        if (reservation.Reference.DestinationLocationId is not { } destination)
        {
            yield return Move(reservation, line, revision, MovementType.Ship, -quantity, caller, nowTs);
            yield break;
        }

        yield return Move(reservation, line, revision, MovementType.Release, quantity, caller, nowTs);
        yield return Move(reservation, line, revision, MovementType.TransferOut, -quantity, caller, nowTs) with { CounterpartId = destination };
    }

    private static StockMove Move(Reservation reservation, int index, long revision, MovementType type, long quantity, string caller, long nowTs)
    {
        var line = reservation.Lines[index];
        var id = string.Create(CultureInfo.InvariantCulture, $"{reservation.ReservationId}.{index}.{revision}.{type.Name()}");
        return new StockMove(id, line.SkuId, line.LocationId, type, quantity, reservation.Reference.Id, nowTs)
        {
            PerformedBy = caller,
            CustomerRef = reservation.CustomerRef,
            Attributes = new Dictionary<string, string> { ["reservation"] = reservation.ReservationId, ["line"] = line.LineId },
        };
    }

    private static Reservation Close(Reservation reservation) => reservation.Lines.Any(line => line.Held > 0)
        ? reservation
        : reservation with { State = reservation.Lines.Any(line => line.Fulfilled > 0) ? Reservation.Fulfilled : Reservation.Cancelled };

    private ReservationLine[] ReadLines(ReservationRequest body)
    {
        Check.Lines("lines", body.Lines);
        var names = new HashSet<string>(StringComparer.Ordinal);
        return [.. body.Lines!.Select((line, i) =>
        {
            var at = $"lines[{i}]";
            RefusedCommandException.ThrowIf(line is null, at, "is null");
            var name = Check.LineId(at, i, line!.LineId, names);
            var quantity = check.Quantity(at + ".quantity", line.Quantity);
            return new ReservationLine(name, check.Sku(at + ".sku_id", line.SkuId), check.Location(at + ".location_id", line.LocationId), quantity, quantity, 0, 0);
        })];
    }

    // Lines of one SKU and location share what is there, the first one first.
    private async Task<ReservationLine[]> LimitAsync(ReservationLine[] lines, CancellationToken token)
    {
        var keys = lines.Select(line => new PositionKey(line.SkuId, line.LocationId)).Distinct().ToArray();
        var left = await atp.AvailableAsync(keys, token).ConfigureAwait(false);
        var limited = lines.Select(line =>
        {
            var key = new PositionKey(line.SkuId, line.LocationId);
            var got = Math.Min(line.Quantity, left[key]);
            left[key] -= got;
            return line with { Reserved = got };
        }).ToArray();
        return limited.Any(line => line.Reserved > 0)
            ? limited
            : throw new RefusedCommandException(409, "insufficient-stock", "None of the lines has anything available. Nothing was changed.");
    }

    private ReservationReference ReadReference(ReservationReference? reference)
    {
        RefusedCommandException.ThrowIf(reference is null, "reference", "is missing: name the order or transfer that the reservation is for");
        RefusedCommandException.ThrowIf(reference!.Type is not ("order" or "transfer"), "reference.type", "must be order or transfer");
        Check.Id("reference.id", reference.Id);
        if (reference.Type == "transfer")
        {
            check.Location("reference.destination_location_id", reference.DestinationLocationId);
        }
        else
        {
            RefusedCommandException.ThrowIf(reference.DestinationLocationId is not null, "reference.destination_location_id", "belongs to a transfer");
        }

        return reference;
    }

    private DateTime? Expiry(int? seconds, string kind, DateTime now)
    {
        if (seconds == 0 && kind == "hard")
        {
            return null;
        }

        RefusedCommandException.ThrowIf(seconds is < 1 || seconds > options.MaximumReservationSeconds, "ttl_seconds",
            $"must be from 1 to {options.MaximumReservationSeconds}, or 0 for a hard reservation that does not expire");
        return now.AddSeconds(seconds ?? options.ReservationSeconds);
    }

    private static long[] ReadQuantities(Reservation reservation, LinesRequest body)
    {
        if (body.Lines is null)
        {
            return [.. reservation.Lines.Select(line => line.Held)];
        }

        Check.Lines("lines", body.Lines);
        var quantities = new long[reservation.Lines.Count];
        for (var i = 0; i < body.Lines.Count; i++)
        {
            var at = $"lines[{i}]";
            var index = reservation.Lines.ToList().FindIndex(line => line.LineId == body.Lines[i]?.LineId);
            RefusedCommandException.ThrowIf(index < 0, at + ".line_id", "is not a line of this reservation");
            var quantity = body.Lines[i].Quantity;
            quantities[index] += quantity;
            RefusedCommandException.ThrowIf(quantity < 1 || quantity > reservation.Lines[index].Held || quantities[index] > reservation.Lines[index].Held, at + ".quantity", $"must be from 1 to the {reservation.Lines[index].Held} units that the line holds");
        }

        return quantities;
    }

    private async Task<Versioned<Reservation>> ActiveAsync<T>(CommandRequest<T> request, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, request.Id, token).ConfigureAwait(false);
        request.CheckRevision(former.Revision);
        RefuseUnlessActive(former.Value, request.NowTs);
        return former;
    }

    private static void RefuseUnlessActive(Reservation reservation, long nowTs)
    {
        var state = View(reservation, nowTs).State;
        if (state != Reservation.Active)
        {
            throw RefusedCommandException.WrongState($"The reservation is {state}; only an ACTIVE one can be changed.");
        }
    }
}
