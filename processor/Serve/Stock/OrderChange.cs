using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>What one event makes of an order: its lines and the movements. Movements' ids follow from the event's, so doing it again makes the same.</summary>
internal sealed class OrderChange
{
    private readonly Order? former;
    private readonly OrderFact fact;
    private readonly string name;
    private readonly List<OrderLine> lines;

    public OrderChange(Order? former, OrderFact fact)
    {
        (this.former, this.fact) = (former, fact);
        lines = [.. former?.Lines ?? []];

        // An id of 128 characters leaves no room for what follows it.
        name = $"{SipHash128.Hash(System.Text.Encoding.UTF8.GetBytes(fact.OrderId + "\0" + fact.EventId)):x32}";
    }

    /// <summary>A look for stock of what is backordered.</summary>
    public OrderChange(Order former, string name, long nowTs)
        : this(former, new OrderFact(name, nowTs, nowTs, former.OrderId, OrderEventType.Placed, StockMove.SourceSystem, former.Currency, former.CustomerRef, []))
    {
    }

    public List<StockMove> Moves { get; } = [];

    public PositionKey Key(int line) => new(lines[line].SkuId, lines[line].LocationId);

    /// <summary>Applies the event but for what has to be reserved, which it returns.</summary>
    public List<(int Line, long Quantity)> Apply()
    {
        var wanted = new List<(int, long)>();
        foreach (var line in fact.Lines)
        {
            switch (fact.Type)
            {
                case OrderEventType.Placed:
                    // A line that is named again says the same again.
                    if (lines.TrueForAll(l => l.LineId != line.LineId))
                    {
                        wanted.Add((Add(line), line.Quantity));
                    }

                    break;
                case OrderEventType.Substituted:
                    if (line.SubstitutesSkuId is { } replaced)
                    {
                        GiveUp(lines.FindIndex(l => l.SkuId == replaced && l.Open > 0), line.Quantity);
                    }

                    wanted.Add((lines.FindIndex(l => l.LineId == line.LineId && l.SkuId == line.SkuId) is var known and >= 0 ? Enlarge(known, line.Quantity) : Add(line), line.Quantity));
                    break;
                case OrderEventType.Cancelled:
                    GiveUp(Find(line), line.Quantity);
                    break;
                case OrderEventType.Shipped or OrderEventType.PartiallyShipped:
                    Ship(FindOrAdd(line), line.Quantity);
                    break;
                case OrderEventType.Returned:
                    Return(FindOrAdd(line), line.Quantity);
                    break;
            }
        }

        return wanted;
    }

    /// <summary>All that waits for stock, to be tried again.</summary>
    public List<(int Line, long Quantity)> TakeBackorders()
    {
        var wanted = new List<(int, long)>();
        for (var i = 0; i < lines.Count; i++)
        {
            if (lines[i].Backordered > 0)
            {
                wanted.Add((i, lines[i].Backordered));
                lines[i] = lines[i] with { Backordered = 0 };
            }
        }

        return wanted;
    }

    public void Reserve(int line, long got, long backordered)
    {
        lines[line] = lines[line] with { Reserved = lines[line].Reserved + got, Backordered = lines[line].Backordered + backordered };
        Move(line, MovementType.Reserve, -got, StockCheck.Available);
    }

    public Order Result(DateTime at, IReadOnlyList<string> events) => new()
    {
        OrderId = fact.OrderId,
        State = State(),
        PlacedAt = former?.PlacedAt ?? at,
        ChangedAt = at,
        Currency = fact.Currency ?? former?.Currency,
        CustomerRef = fact.CustomerRef ?? former?.CustomerRef,
        Events = events,
        Lines = lines,
    };

    private string State() =>
        lines.Any(line => line.Open > 0)
            ? lines.Any(line => line.Shipped > 0) ? Order.PartiallyShipped : lines.Any(line => line.Backordered > 0) ? Order.Backordered : Order.Placed
            : lines.Any(line => line.Shipped > 0) ? Order.Shipped : Order.Cancelled;

    private int Find(OrderFactLine line) => lines.FindIndex(l => l.LineId == line.LineId && l.SkuId == line.SkuId) is var exact and >= 0
        ? exact
        : lines.FindIndex(l => l.LineId == line.LineId);

    // A shipment or return of a line that nobody placed is a fact all the same.
    private int FindOrAdd(OrderFactLine line)
    {
        var known = lines.FindIndex(l => l.LineId == line.LineId && l.SkuId == line.SkuId && l.LocationId == line.LocationId);
        if (known >= 0)
        {
            return known;
        }

        var placed = lines.FindIndex(l => l.LineId == line.LineId && l.SkuId == line.SkuId);
        if (placed >= 0 && fact.Type is OrderEventType.Shipped or OrderEventType.PartiallyShipped)
        {
            // Shipped from elsewhere: what was held there is free again.
            GiveUp(placed, line.Quantity);
        }

        var added = Add(line);
        if (fact.Type == OrderEventType.Returned)
        {
            // Its order is forgotten, or was never told: it was shipped once.
            lines[added] = lines[added] with { Shipped = line.Quantity };
        }

        return added;
    }

    private int Add(OrderFactLine line)
    {
        lines.Add(new OrderLine(line.LineId, line.SkuId, line.LocationId, line.Quantity, 0, 0, 0, 0, 0) { UnitPrice = line.UnitPrice, Substitutes = line.SubstitutesSkuId });
        return lines.Count - 1;
    }

    private int Enlarge(int index, long quantity)
    {
        lines[index] = lines[index] with { Quantity = lines[index].Quantity + quantity };
        return index;
    }

    // What waits for stock goes first, then what is held.
    private void GiveUp(int index, long quantity)
    {
        if (index < 0)
        {
            return;
        }

        var line = lines[index];
        var given = Math.Min(quantity, line.Open);
        var waiting = Math.Min(given, line.Backordered);
        var held = Math.Min(given - waiting, line.Reserved);
        lines[index] = line with { Cancelled = line.Cancelled + given, Backordered = line.Backordered - waiting, Reserved = line.Reserved - held };
        Move(index, MovementType.Release, held, StockCheck.None);
    }

    // A SHIP lowers what is reserved by as much as it ships, so what was not is reserved first.
    private void Ship(int index, long quantity)
    {
        var line = lines[index];
        var held = Math.Min(quantity, line.Reserved);
        var waiting = Math.Min(quantity - held, line.Backordered);
        lines[index] = line with
        {
            Quantity = Math.Max(line.Quantity, line.Shipped + line.Cancelled + quantity),
            Shipped = line.Shipped + quantity,
            Reserved = line.Reserved - held,
            Backordered = line.Backordered - waiting,
        };
        Move(index, MovementType.Reserve, held - quantity, StockCheck.None);
        Move(index, MovementType.Ship, -quantity, StockCheck.None);
    }

    private void Return(int index, long quantity)
    {
        lines[index] = lines[index] with { Returned = lines[index].Returned + quantity };
        Move(index, MovementType.Return, quantity, StockCheck.None);
    }

    private void Move(int index, MovementType type, long quantity, StockCheck check)
    {
        if (quantity == 0)
        {
            return;
        }

        var line = lines[index];
        var id = string.Create(CultureInfo.InvariantCulture, $"order-{name}.{Moves.Count}.{type.Name()}");
        Moves.Add(new StockMove(id, line.SkuId, line.LocationId, type, quantity, fact.OrderId, fact.EventTs)
        {
            Check = check,
            Currency = fact.Currency ?? former?.Currency,
            CustomerRef = fact.CustomerRef ?? former?.CustomerRef,
            UnitPrice = (fact.Currency ?? former?.Currency) is null ? null : line.UnitPrice,
            Attributes = new Dictionary<string, string> { ["order"] = fact.OrderId, ["line"] = line.LineId, ["event"] = fact.EventId },
        });
    }
}
