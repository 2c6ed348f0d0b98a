using System.Text.Json.Nodes;

namespace Stockflow.Serve.Description;

/// <content>The process, positions, the ledger and dead letters.</content>
internal sealed partial class ApiDescription
{
    private void DescribeProcess()
    {
        const string group = "Process";
        var text = new JsonObject { ["type"] = "string" };
        Add(Get("/healthz", "/healthz", "getHealth", group, "Whether the process lives") with
        {
            NeedsKey = false,
            Answers = [new(200, "It does.", ApiSchemas.Object(null, ("status", new JsonObject { ["const"] = "alive" })))],
        });
        Add(Get("/readyz", "/readyz", "getReadiness", group, "Whether it serves positions") with
        {
            NeedsKey = false,
            Answers = [new(200, "It does.", Schemas.Answer(ServeJson.Default.ReadinessPayload)), new(503, "Something is missing.", Schemas.Answer(ServeJson.Default.ReadinessPayload))],
        });
        Add(Get("/metrics", "/metrics", "getMetrics", group, "Metrics for Prometheus") with { NeedsKey = false, Answers = [new(200, "Metrics.", text) { MediaType = "text/plain" }] });
        Add(Get("/v1/status", "/v1/status", "getStatus", group, "Lanes, totals, lags and watermarks of this process") with { Answers = [new(200, "The state.", Schemas.Answer(ServeJson.Default.StatusPayload))] },
            ApiProblems.Guard);
        Add(Get(OpenApiEndpoint.Path, OpenApiEndpoint.Path, "getOpenApi", group, "This document") with
        {
            Answers = [new(200, "OpenAPI 3.1.", ApiSchemas.Object(null, ("openapi", new JsonObject { ["type"] = "string" }), ("info", new JsonObject { ["type"] = "object" }), ("paths", new JsonObject { ["type"] = "object" }),
                ("components", new JsonObject { ["type"] = "object" }), ("servers", new JsonObject { ["type"] = "array" }), ("security", new JsonObject { ["type"] = "array" }), ("tags", new JsonObject { ["type"] = "array" })))],
        }, ApiProblems.Guard);
    }

    private void DescribePositions()
    {
        const string group = "Positions", route = "/v1/positions/{**ids}", known = "Records that were known then count; now unless given.";
        var at = ApiParts.Time("at", "Events that happened until then count; all unless given.");
        var knownAt = ApiParts.Time("known_at", known);
        Add(Get("/v1/positions/{sku}", route, "getPositions", group, "Live positions of a SKU at every location", ApiParts.SkuPart) with { Answers = [new(200, "The positions, by location.", Schemas.Answer(ServeJson.Default.SkuPayload))] },
            ApiProblems.Guard, "400 bad-id, 400 bad-time, 404 position-not-found, 503 store-unavailable, 503 timeout");
        Add(Get("/v1/positions/{sku}/{location}", route, "getPosition", group, "The live position, or with at or known_at that of the past", ApiParts.SkuPart, ApiParts.LocationPart, at, knownAt, ApiParts.IfNoneMatch) with
        {
            Text = "With at or known_at the history (ClickHouse) answers, without an ETag.",
            Answers = [new(200, "The position.", Schemas.Answer(ServeJson.Default.PositionPayload), "ETag?"), new(304, "It has not changed.", null, "ETag")],
        }, ApiProblems.Guard, ApiProblems.History, "400 bad-id, 400 bad-parameter, 404 position-not-found, 503 store-unavailable");
        Add(Get("/v1/positions/{sku}/{location}/explain", route, "explainPosition", group, "Why a position is what it is: its count, movements, corrections and open transfers", ApiParts.SkuPart, ApiParts.LocationPart, at, knownAt) with
        {
            Answers = [new(200, "What adds up to it.", Schemas.Answer(ServeJson.Default.ExplainPayload))],
        }, ApiProblems.Guard, ApiProblems.History, "400 bad-id, 400 bad-parameter, 404 position-not-found");
        Add(Get("/v1/ledger", "/v1/ledger", "listLedger", group, "Movements of a SKU, the latest first",
            ApiParts.Query("sku", ApiParts.Id(), "SKU.", isRequired: true), ApiParts.Query("location", ApiParts.Id(), "All locations unless given."),
            ApiParts.Time("from", "Earliest event time, inclusive."), ApiParts.Time("to", "Latest event time, exclusive."), ApiParts.Time("known_at", known), ApiParts.Limit(1000, 100), ApiParts.Cursor) with
        {
            Text = "All pages of a question show what was known at the time of its first page.",
            Answers = [new(200, "A page.", Schemas.Answer(ServeJson.Default.LedgerPayload))],
        }, ApiProblems.Guard, ApiProblems.History, "400 bad-parameter");
    }

    private void DescribeEvents()
    {
        const string group = "Events and quality", path = "/v1/events/{event_id}/lineage";
        ApiParameter id = new("path", "event_id", true, new JsonObject { ["type"] = "string", ["minLength"] = 1, ["maxLength"] = 128 }, "Id of the fact as its source gave it; a slash within it is written %2F.");
        Add(Get(path, path, "getLineage", group, "What became of an event: its records, ledger rows, corrections, aggregates and restatements", id) with
        {
            Text = "A record that could not be decoded has no event_id. Records from before schema version 7 are found by their ledger row only.",
            Answers = [new(200, "All that is known.", Schemas.Answer(ServeJson.Default.EventLineage))],
        }, ApiProblems.Guard, ApiProblems.History, "400 bad-id, 400 bad-parameter, 404 event-not-found");
        Add(Get("/v1/quality", "/v1/quality", "getQuality", group, "The latest result of each data quality rule") with
        {
            Text = "Rules are evaluated every quality.intervalSeconds by the process that owns the topic's first partition; any process answers.",
            Answers = [new(200, "The rules by name.", Schemas.Answer(ServeJson.Default.QualityPayload))],
        }, ApiProblems.Guard, ApiProblems.History, "400 bad-parameter");
    }

    private void DescribeDeadLetters()
    {
        const string group = "Dead letters", path = "/v1/dead-letters/{partition}/{offset}", route = "/v1/dead-letters/{partition:int}/{offset:long}";
        ApiParameter partition = new("path", "partition", true, new JsonObject { ["type"] = "integer", ["format"] = "int32" }, "Of the dead-letter topic."),
            offset = new("path", "offset", true, new JsonObject { ["type"] = "integer", ["format"] = "int64" }, "Of the dead-letter topic.");
        Add(Get("/v1/dead-letters", "/v1/dead-letters", "listDeadLetters", group, "Dead letters, the latest first", ApiParts.Limit(100, 25), ApiParts.Cursor) with
        {
            Answers = [new(200, "A page.", Schemas.Answer(ServeJson.Default.DeadLettersPayload))],
        }, ApiProblems.Guard, ApiProblems.DeadLetters, "400 bad-parameter");
        var letter = Schemas.Answer(ServeJson.Default.DeadLetterPayload);
        Add(Get(path, route, "getDeadLetter", group, "One dead letter with its bytes", partition, offset) with { Answers = [new(200, "The letter.", letter)] },
            ApiProblems.Guard, ApiProblems.DeadLetters, "404 dead-letter-not-found, 404 no-such-path");
        var key = ApiParts.Key with { Schema = new JsonObject { ["type"] = "string", ["minLength"] = 1, ["maxLength"] = 128 }, Text = "A text of the caller's own, kept with the letter." };
        Add(new ApiOperation("POST", path + "/replay", route + "/replay", "replayDeadLetter", group, "Sends a letter to the topic that it came from, once")
        {
            Text = "A letter that was sent before is answered as it is and not sent again, whatever the key.",
            Parameters = [partition, offset, key],
            Answers = [new(200, "It was sent, now or before.", letter)],
        }, ApiProblems.Guard, ApiProblems.DeadLetters, "400 bad-parameter, 400 idempotency-key-missing, 404 dead-letter-not-found, 404 no-such-path, 409 dead-letter-not-replayable");
    }
}
