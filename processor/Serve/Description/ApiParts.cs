using Microsoft.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Stockflow.Serve.Description;

/// <summary>Parameters and headers that operations share.</summary>
internal static class ApiParts
{
    public static ApiParameter SkuPart => new("path", "sku", true, Id(), "SKU; a slash within it is written %2F.");

    public static ApiParameter LocationPart => new("path", "location", true, Id(), "Location; a slash within it is written %2F.");

    public static ApiParameter DocumentPart => new("path", "id", true, new JsonObject { ["type"] = "string", ["minLength"] = 1 }, "Id of the document.");

    public static ApiParameter Key => new("header", "Idempotency-Key", true, new JsonObject { ["type"] = "string", ["minLength"] = 1, ["maxLength"] = 128, ["pattern"] = "^[!-~]+$" },
        "A text of the caller's own for this request. A repetition with the same key and body within a day gets the same answer and changes nothing.");

    public static ApiParameter IfMatch => new("header", "If-Match", false, new JsonObject { ["type"] = "string" }, "ETag of the revision that was read; another one is refused.");

    public static ApiParameter IfNoneMatch => new("header", "If-None-Match", false, new JsonObject { ["type"] = "string" }, "ETag of what is known; unchanged, the answer is 304.");

    public static ApiParameter Cursor => Query("cursor", new JsonObject { ["type"] = "string" }, "next of the page before, with the same other parameters.");

    public static JsonObject Headers => new()
    {
        [HeaderNames.ETag] = Header("Revision of the document, or version of the position, in quotes."),
        [HeaderNames.Location] = Header("Path of the document that was made."),
        ["Idempotency-Replayed"] = Header("Whether this is the answer of an earlier request with the same key.", new JsonObject { ["type"] = "string", ["enum"] = new JsonArray("true", "false") }),
        ["Stockflow-Durability"] = Header("What holds of the change; absent from a repeated answer.", new JsonObject { ["type"] = "string", ["enum"] = new JsonArray("async", "replica", "fsync") }),
        [HeaderNames.RetryAfter] = Header("Seconds.", new JsonObject { ["type"] = "integer", ["minimum"] = 1 }),
        [HeaderNames.WWWAuthenticate] = Header("Bearer."),
    };

    public static ApiParameter Limit(int most, int usual) =>
        Query("limit", new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["maximum"] = most, ["default"] = usual }, "Entries of a page.");

    public static ApiParameter Time(string name, string text) => Query(name, new JsonObject { ["type"] = "string" },
        text + " ISO 8601 (2026-03-01, 2026-03-01T12:00:00.250+01:00; without an offset UTC) or milliseconds since 1970.");

    public static ApiParameter Number(string name, int least, int most, string text) => Query(name, new JsonObject { ["type"] = "integer", ["minimum"] = least, ["maximum"] = most }, text);

    public static ApiParameter Query(string name, JsonObject schema, string text, bool isRequired = false) => new("query", name, isRequired, schema, text);

    public static JsonObject Id() => new() { ["type"] = "string", ["minLength"] = 1, ["maxLength"] = 64 };

    private static JsonObject Header(string text, JsonObject? schema = null) => new() { ["description"] = text, ["schema"] = schema ?? new JsonObject { ["type"] = "string" } };
}
