using System.Text.Json.Nodes;
using Stockflow.Serve.Stock;

namespace Stockflow.Serve.Description;

/// <content>What can be promised, reservations, orders and allocation.</content>
internal sealed partial class ApiDescription
{
    private static JsonObject Whole => new() { ["type"] = "integer", ["format"] = "int64" };

    private static JsonObject Text => new() { ["type"] = "string" };

    private static JsonObject Instant => new() { ["type"] = "string", ["format"] = "date-time" };

    private static (string, JsonObject)[] Figures => [("safety_buffer", Whole), ("available_raw", Note(Whole, "Before the safety buffer.")), ("available", Whole)];

    private static (string, JsonObject)[] Promise => [("atp_raw", Note(Whole, "Before the safety buffer; with at or horizon_days.")), ("atp", Note(Whole, "With at or horizon_days."))];

    private static (string, JsonObject)[] Span => [("at", Instant), ("horizon", Instant)];

    private static (string, JsonObject)[] Times =>
    [
        ("as_of", Note(Instant, "The store's clock.")),
        ("freshness_seconds", Note(new JsonObject { ["type"] = new JsonArray("number", "null") }, "Since the stream was last applied; null where it never was.")),
        ("watermark", new JsonObject { ["type"] = new JsonArray("string", "null"), ["format"] = "date-time" }),
    ];

    private void DescribePromises()
    {
        const string group = "Available to promise", route = "/v1/atp/{**ids}";
        var dated = Schemas.Add("AtpDated", ApiSchemas.Object("Supply (above zero) or demand (below zero) due at a time.",
            ("due", Instant), ("quantity", Whole), ("source", Text), ("counted", Note(new JsonObject { ["type"] = "boolean" }, "False for supply that is past due."))));
        (string, JsonObject)[] own = [("location_id", Text), ("on_hand", Whole), ("unsellable", Whole), ("reserved", Whole), ("in_transit_in", Whole), ("in_transit_out", Whole), .. Figures];
        (string, JsonObject)[] future = [.. Promise, ("dated", new JsonObject { ["type"] = "array", ["items"] = dated.DeepClone() })];
        var location = Schemas.Add("AtpLocation", Of(own, future));
        var position = Schemas.Add("AtpPosition", Of([("sku_id", Text), .. own, .. Times], [.. future, .. Span]));
        var everywhere = Schemas.Add("AtpSku", Of([("sku_id", Text), ("available", Whole), ("available_raw", Whole), ("locations", List(location)), .. Times], Span));
        var item = Schemas.Add("AtpItem", Of([("sku_id", Text), ("location_id", Text), ("available", Whole), ("available_raw", Whole)],
            [("known", Note(new JsonObject { ["const"] = false }, "There is no such position.")), ("on_hand", Whole), ("reserved", Whole), ("safety_buffer", Whole), .. Promise]));
        var batch = Schemas.Add("AtpBatch", Of([("items", List(item)), .. Times], Span));
        Schemas.Add("AtpChange", Of([("sku_id", Text), ("location_id", Text), ("on_hand", Whole), ("reserved", Whole), .. Figures, .. Times], []));
        var at = ApiParts.Time("at", "Time of the promise; now if it is past or absent.");
        var horizon = ApiParts.Number("horizon_days", 0, 366, "How far to look; setting stock.horizonDays unless given.");
        Add(Get("/v1/atp/{sku}", route, "getSkuAtp", group, "What can be promised of a SKU at every location", ApiParts.SkuPart, at, horizon) with { Answers = [new(200, "The figures.", everywhere)] },
            ApiProblems.Guard, ApiProblems.Stock, "400 bad-id, 400 bad-value, 404 position-not-found");
        Add(Get("/v1/atp/{sku}/{location}", route, "getAtp", group, "What can be promised of a SKU at a location", ApiParts.SkuPart, ApiParts.LocationPart, at, horizon, ApiParts.IfNoneMatch) with
        {
            Answers = [new(200, "The figures; with an ETag unless at or horizon_days is given.", position, "ETag?"), new(304, "They have not changed.", null, "ETag")],
        }, ApiProblems.Guard, ApiProblems.Stock, "400 bad-id, 400 bad-value, 404 position-not-found");
        Add(new ApiOperation("POST", "/v1/atp/batch", "/v1/atp/batch", "getAtpBatch", group, "What can be promised of many positions")
        {
            Body = Schemas.Request(StockJson.Default.AtpBatchRequest),
            Answers = [new(200, "An item for each pair, in their order.", batch)],
        }, ApiProblems.Guard, ApiProblems.Body, ApiProblems.Stock, "400 bad-value");
        Add(new ApiOperation("GET", AtpStream.Path, AtpStream.Path, "followAtp", group, "Changes of SKUs as server-sent events")
        {
            Text = "An event atp (data: AtpChange) for each position first, then for each that changed. A follower that is slow misses values between, never the last one.",
            Parameters = [ApiParts.Query("sku", new JsonObject { ["type"] = "array", ["items"] = ApiParts.Id(), ["minItems"] = 1, ["maxItems"] = 100 }, "SKUs: sku=A&sku=B.", isRequired: true)],
            Answers = [new(200, "Events until the caller goes.", Text) { MediaType = "text/event-stream" }],
        }, ApiProblems.Guard, "400 bad-value, 503 commands-unavailable, 503 too-many-followers");
        Command("PUT", "/v1/safety-buffers/{sku}/{location}", "putSafetyBuffer", group, "Sets the units that are kept from being promised", StockJson.Default.BufferRequest, StockJson.Default.BufferPayload,
            "503 positions-behind, 503 reference-loading", hasRevision: false);
    }

    private void DescribeReservations()
    {
        const string group = "Reservations", path = "/v1/reservations", one = path + "/{id}", missing = "404 reservation-not-found";
        const string change = missing + ", 409 wrong-state, 409 conflict, 412 revision-changed, 503 positions-behind";
        var reservation = StockJson.Default.Reservation;
        Pages(path, "listReservations", group, "Reservations, the latest first", "ReservationPage", reservation, Reservations.StateFilter, Reservations.SkuFilter, Reservations.ReferenceFilter);
        Document(one, "getReservation", group, "One reservation", reservation, missing);
        Command("POST", path, "createReservation", group, "Reserves stock, all lines or none unless allow_partial", StockJson.Default.ReservationRequest, reservation,
            "409 insufficient-stock, 409 conflict, 503 positions-behind, 503 reference-loading", statuses: [201]);
        Command("POST", one + "/extend", "extendReservation", group, "Lets a reservation hold for so many seconds from now", StockJson.Default.ExtendRequest, reservation, change);
        Command("POST", one + "/fulfil", "fulfilReservation", group, "Units of a reservation leave", StockJson.Default.LinesRequest, reservation, change + ", 409 insufficient-stock");
        Command("POST", one + "/release", "releaseReservation", group, "Units of a reservation are given back", StockJson.Default.LinesRequest, reservation, change);
        Pages("/v1/orders", "listOrders", "Orders", "Orders of the stream, the latest ids first", "OrderPage", StockJson.Default.Order, Orders.StateFilter);
        Document("/v1/orders/{id}", "getOrder", "Orders", "One order", StockJson.Default.Order, "404 order-not-found");
        Add(new ApiOperation("POST", AllocationEndpoint.Path, AllocationEndpoint.Path, "planAllocation", "Orders", "Plans from which locations an order ships best")
        {
            Text = "Nothing is reserved by it.",
            Body = Schemas.Request(AllocationJson.Default.AllocationRequest),
            Answers = [new(200, "The plan.", Schemas.Answer(AllocationJson.Default.AllocationPayload))],
        }, ApiProblems.Guard, ApiProblems.Body, ApiProblems.Stock, "400 bad-value, 400 unknown-location");
    }

    private static JsonObject Of((string, JsonObject)[] always, (string, JsonObject)[] sometimes) => ApiSchemas.Object(null, [.. always.Select(member => member.Item1)], [.. always, .. sometimes]);

    private static JsonObject List(JsonObject items) => new() { ["type"] = "array", ["items"] = items.DeepClone() };

    private static JsonObject Note(JsonObject schema, string text)
    {
        schema["description"] = text;
        return schema;
    }
}
