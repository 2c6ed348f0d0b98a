namespace Stockflow.Serve.Description;

/// <summary>What each stable code of a refusal means, and the sets that many operations share.</summary>
internal static class ApiProblems
{
    /// <summary>Of every path under /v1.</summary>
    public const string Guard = "401 unauthorized, 429 too-many-requests";

    /// <summary>Of what reads a JSON body.</summary>
    public const string Body = "400 bad-body, 400 bad-request, 408 bad-request, 413 bad-request, 415 unsupported-media-type";

    /// <summary>Of what needs the store of commands.</summary>
    public const string Stock = "503 commands-unavailable, 503 store-unavailable, 503 timeout";

    public const string History = "503 history-unavailable, 503 timeout";

    public const string DeadLetters = "503 dead-letters-unavailable, 503 timeout";

    /// <summary>Of every command: its key, its body, its values, the store.</summary>
    public const string Command = Body + ", 400 bad-value, 400 idempotency-key-missing, 409 idempotency-key-reused, " + Stock;

    private static readonly Dictionary<string, string> Meanings = new(StringComparer.Ordinal)
    {
        ["bad-body"] = "the body is no JSON or has other fields than this path takes",
        ["bad-id"] = "the path holds no id of 1 to 64 characters, or not as many ids as it takes",
        ["bad-parameter"] = "a parameter is unknown, stands twice or has no such value",
        ["bad-request"] = "the body could not be read (400), came too slowly (408) or is larger than http.maxRequestBytes (413)",
        ["bad-time"] = "at and known_at need a location",
        ["bad-value"] = "a value that is named by its place can not be",
        ["commands-unavailable"] = "this processor has no Redis, which commands need",
        ["conflict"] = "others change the same document at once; try again with the same key",
        ["dead-letter-not-found"] = "there is no such letter",
        ["dead-letter-not-replayable"] = "the letter does not say where it came from",
        ["dead-letters-unavailable"] = "Kafka or the store of the marks does not answer",
        ["history-unavailable"] = "ClickHouse does not answer",
        ["idempotency-key-missing"] = "there is no Idempotency-Key, or none of 1 to 128 visible characters",
        ["idempotency-key-reused"] = "the key was used for another request within a day",
        ["insufficient-stock"] = "a number would fall below zero; nothing was changed",
        ["no-such-path"] = "a part of the path is no number",
        ["over-receipt"] = "more than was ordered or sent; nothing was changed",
        ["position-not-found"] = "the SKU has no position there",
        ["positions-behind"] = "the positions of the SKU are being rebuilt",
        ["purchase-order-exists"] = "there is a purchase order of that id",
        ["reference-loading"] = "the reference topics have not been read to their end yet",
        ["revision-changed"] = "the document has another revision than If-Match names",
        ["same-person"] = "who counted can not approve",
        ["store-unavailable"] = "Redis does not answer",
        ["timeout"] = "no answer within http.requestTimeoutSeconds",
        ["too-many-followers"] = "more follow changes than stock.maximumFollowers",
        ["too-many-requests"] = "more requests than are answered",
        ["transfer-exists"] = "there is a transfer of that id",
        ["unauthorized"] = "there is no key, or a wrong one",
        ["under-receipt"] = "too little came to close the line; nothing was changed",
        ["unknown-location"] = "a location that ships is not known by that id",
        ["unsupported-media-type"] = "the body is not application/json",
        ["wrong-state"] = "the document's state does not allow it",
    };

    public static string Meaning(string code) => code.EndsWith("-not-found", StringComparison.Ordinal) && !Meanings.ContainsKey(code)
        ? $"there is no such {code[..^"-not-found".Length].Replace('-', ' ')}"
        : Meanings[code];
}
