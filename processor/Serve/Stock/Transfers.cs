using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Plans of transfers. What waits to leave is a hold without an end and a RESERVE at the source; leaving is a RELEASE and a TRANSFER_OUT,
/// which shows the units as in transit at both ends; arriving is a TRANSFER_IN at the destination, which clears both.
/// </summary>
internal sealed class Transfers(IStockStore store, Check check, StockOptions options)
{
    public const string Kind = "transfer", StateFilter = "state", FromFilter = "from_location_id", ToFilter = "to_location_id",
        SkuFilter = "sku_id", ReferenceFilter = "reference";

    /// <summary>Reason of the adjustment that takes units out which were lost on the way.</summary>
    public const string LostInTransit = "LOST_IN_TRANSIT";

    public DocumentKind<Transfer> Documents { get; } = new(Kind, MovingJson.Default.Transfer, t => t.TransferId,
        t => [$"{StateFilter}:{t.State}", $"{FromFilter}:{t.FromLocationId}", $"{ToFilter}:{t.ToLocationId}",
            .. t.Reference is null ? Array.Empty<string>() : [$"{ReferenceFilter}:{t.Reference}"], .. t.Lines.Select(line => $"{SkuFilter}:{line.SkuId}").Distinct()],
        t => t.IsOver ? options.GoneTs(t.ChangedAt) : 0);

    public async Task<Plan> CreateAsync(CommandRequest<TransferRequest> request, CancellationToken token)
    {
        var body = request.Body;
        var id = body.TransferId is null ? CommandParts.NewId(request.NowTs) : Check.Id("transfer_id", body.TransferId);
        var now = PositionPayload.Instant(request.NowTs);
        var transfer = new Transfer
        {
            TransferId = id,
            State = Transfer.Pending,
            Reference = body.Reference is null ? null : Check.Id("reference", body.Reference),
            FromLocationId = check.Location("from_location_id", body.FromLocationId),
            ToLocationId = check.Location("to_location_id", body.ToLocationId),
            CreatedAt = now,
            ChangedAt = now,
            CreatedBy = request.Caller,
            Lines = ReadLines(body.Lines),
        };
        RefusedCommandException.ThrowIf(transfer.FromLocationId == transfer.ToLocationId, "to_location_id", "must differ from from_location_id");
        if (body.TransferId is not null && await Documents.FindAsync(store, id, token).ConfigureAwait(false) is not null)
        {
            throw new RefusedCommandException(409, "transfer-exists", $"There is a transfer '{id}' already.");
        }

        var moves = transfer.Lines.Select(line => Move(transfer, line, transfer.FromLocationId, MovementType.Reserve, -line.Quantity));
        return Planned(null, transfer, moves, request.Caller, request.NowTs) with { Status = 201, Location = TransferEndpoints.Path + "/" + Uri.EscapeDataString(id) };
    }

    public async Task<Plan> ShipAsync(CommandRequest<TransferShipRequest> request, CancellationToken token)
    {
        var former = await InStateAsync(request, Transfer.Pending, token).ConfigureAwait(false);
        var quantities = ReadShipped(former.Value, request.Body.Lines);
        var at = PositionPayload.Instant(request.NowTs);
        var now = former.Value with
        {
            State = Transfer.InTransit,
            ChangedAt = at,
            ShippedAt = at,
            Lines = [.. former.Value.Lines.Select((line, i) => line with { Shipped = quantities[i] })],
        };
        var moves = now.Lines.SelectMany(line => new[]
        {
            Move(now, line, now.FromLocationId, MovementType.Release, line.Quantity),
            Move(now, line, now.FromLocationId, MovementType.TransferOut, -line.Shipped) with { CounterpartId = now.ToLocationId },
        });
        return Planned(former, now, moves, request.Caller, request.NowTs);
    }

    public async Task<Plan> ReceiveAsync(CommandRequest<TransferReceiptRequest> request, CancellationToken token)
    {
        var former = await InStateAsync(request, Transfer.InTransit, token).ConfigureAwait(false);
        var (lines, moves) = Receive(former.Value, request.Body.Lines);
        var isOver = lines.All(line => line.Outstanding == 0);
        var at = PositionPayload.Instant(request.NowTs);
        var now = former.Value with { State = isOver ? Transfer.AllReceived : Transfer.InTransit, ChangedAt = at, ReceivedAt = isOver ? at : null, Lines = lines };
        return Planned(former, now, moves, request.Caller, request.NowTs);
    }

    public async Task<Plan> CancelAsync(CommandRequest<EndRequest> request, CancellationToken token)
    {
        var former = await InStateAsync(request, Transfer.Pending, token).ConfigureAwait(false);
        var reason = Check.Text("reason", request.Body.Reason);
        var now = former.Value with { State = Transfer.Cancelled, ChangedAt = PositionPayload.Instant(request.NowTs), Reason = reason };
        var moves = now.Lines.Select(line => Move(now, line, now.FromLocationId, MovementType.Release, line.Quantity) with { Reason = reason });
        return Planned(former, now, moves, request.Caller, request.NowTs);
    }

    /// <summary>Removes what ended long ago.</summary>
    public Task<Plan?> SweepAsync(string id, CancellationToken token) => Documents.SweepAsync(store, id, token);

    private Plan Planned(Versioned<Transfer>? former, Transfer now, IEnumerable<StockMove> moves, string caller, long nowTs)
    {
        var revision = (former?.Revision ?? 0) + 1;
        var wasHeld = former is { Value.State: Transfer.Pending };
        var isHeld = now.State == Transfer.Pending;
        return new Plan(
            new StockTransaction
            {
                Documents = [Documents.Write(now, former)],
                Moves = CommandParts.Numbered($"{Kind}.{now.TransferId}", nowTs, revision, moves.Select(move => move with { PerformedBy = caller, EventTs = nowTs })),
                Holds = wasHeld == isHeld ? [] : [.. now.Lines.Select((line, i) =>
                    new StockHold(string.Create(CultureInfo.InvariantCulture, $"{Kind}:{now.TransferId}:{i}"), line.SkuId, now.FromLocationId, isHeld ? line.Quantity : 0, 0))],
            }, 200, Documents.Serialize(now))
        {
            Revision = revision,
        };
    }

    private static (TransferLine[] Lines, List<StockMove> Moves) Receive(Transfer transfer, IReadOnlyList<TransferReceiptLine>? receipts)
    {
        Check.Lines("lines", receipts);
        TransferLine[] lines = [.. transfer.Lines];
        var moves = new List<StockMove>();
        for (var i = 0; i < receipts!.Count; i++)
        {
            var at = $"lines[{i}]";
            var receipt = receipts[i];
            var index = Index(transfer, at, receipt?.LineId);
            var line = lines[index];
            var left = line.Outstanding;
            RefuseOutside(at + ".quantity", receipt!.Quantity, left);
            RefuseOutside(at + ".damaged", receipt.Damaged, left);
            RefuseOutside(at + ".lost", receipt.Lost, left);
            var (arrived, lost) = (receipt.Quantity + receipt.Damaged, receipt.Lost);
            RefusedCommandException.ThrowIf(arrived + lost == 0, at, "has no units; give quantity, damaged or lost");
            if (arrived + lost > left)
            {
                throw OverReceipt(at, arrived + lost, left);
            }

            lines[index] = line with { Received = line.Received + receipt.Quantity, Damaged = line.Damaged + receipt.Damaged, Lost = line.Lost + lost };
            moves.Add(Arrival(transfer, line, arrived));
            moves.Add(Move(transfer, line, transfer.ToLocationId, MovementType.Damage, -receipt.Damaged));

            // What is lost was on its way to the destination, so it is that location's loss; only an arrival ends in-transit at both ends.
            moves.Add(Arrival(transfer, line, lost) with { Reason = LostInTransit });
            moves.Add(Move(transfer, line, transfer.ToLocationId, MovementType.Adjustment, -lost) with { Reason = LostInTransit });
        }

        return (lines, moves);
    }

    private static void RefuseOutside(string field, long quantity, long left)
    {
        RefusedCommandException.ThrowIf(quantity < 0, field, "must be 0 or more");
        if (quantity > left)
        {
            throw OverReceipt(field, quantity, left);
        }
    }

    private static RefusedCommandException OverReceipt(string field, long quantity, long left) =>
        new(409, "over-receipt", $"{field} has {quantity} units, but {left} of the line are on the way. Nothing was changed.");

    private static StockMove Arrival(Transfer transfer, TransferLine line, long quantity) =>
        Move(transfer, line, transfer.ToLocationId, MovementType.TransferIn, quantity) with { CounterpartId = transfer.FromLocationId };

    private static StockMove Move(Transfer transfer, TransferLine line, string location, MovementType type, long quantity) =>
        new("", line.SkuId, location, type, quantity, transfer.Reference ?? transfer.TransferId, 0)
        {
            // Arrivals are facts: goods that stand at the dock are booked even where more is promised than there is.
            Check = location == transfer.FromLocationId ? StockCheck.Available : StockCheck.OnHand,
            Attributes = new Dictionary<string, string> { ["transfer"] = transfer.TransferId, ["line"] = line.LineId },
        };

    private TransferLine[] ReadLines(IReadOnlyList<TransferLineRequest>? lines)
    {
        Check.Lines("lines", lines);
        var names = new HashSet<string>(StringComparer.Ordinal);
        return [.. lines!.Select((line, i) =>
        {
            var at = $"lines[{i}]";
            RefusedCommandException.ThrowIf(line is null, at, "is null");
            var name = Check.LineId(at, i, line!.LineId, names);
            return new TransferLine(name, check.Sku(at + ".sku_id", line.SkuId), check.Quantity(at + ".quantity", line.Quantity), 0, 0, 0, 0);
        })];
    }

    private static long[] ReadShipped(Transfer transfer, IReadOnlyList<TransferShipLine>? lines)
    {
        if (lines is null)
        {
            return [.. transfer.Lines.Select(line => line.Quantity)];
        }

        Check.Lines("lines", lines);
        var quantities = new long[transfer.Lines.Count];
        for (var i = 0; i < lines.Count; i++)
        {
            var at = $"lines[{i}]";
            var index = Index(transfer, at, lines[i]?.LineId);
            var most = transfer.Lines[index].Quantity;
            RefusedCommandException.ThrowIf(lines[i].Quantity < 1 || lines[i].Quantity > most - quantities[index], at + ".quantity", $"must be from 1 to the {most} units of the line, all its entries together");
            quantities[index] += lines[i].Quantity;
        }

        return quantities;
    }

    private static int Index(Transfer transfer, string at, string? lineId)
    {
        var index = transfer.Lines.ToList().FindIndex(line => line.LineId == lineId);
        RefusedCommandException.ThrowIf(index < 0, at + ".line_id", "is not a line of this transfer");
        return index;
    }

    private async Task<Versioned<Transfer>> InStateAsync<T>(CommandRequest<T> request, string state, CancellationToken token)
    {
        var former = await Documents.GetAsync(store, request.Id, token).ConfigureAwait(false);
        request.CheckRevision(former.Revision);
        return former.Value.State == state ? former : throw RefusedCommandException.WrongState($"The transfer is {former.Value.State}; this needs one that is {state}.");
    }
}
