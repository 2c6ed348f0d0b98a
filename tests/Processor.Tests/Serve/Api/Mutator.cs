using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stockflow.Tests.Serve.Api;

/// <summary>Makes a request wrong, or odd, in one to three ways. The same random numbers make the same request.</summary>
internal sealed class Mutator(Random random)
{
    /// <summary>Stands for half a surrogate pair, which no library writes.</summary>
    private const string HalfName = "@@half@@";

    /// <summary>JSON that no library writes; each is put in the place of a value.</summary>
    private static readonly string[] Tokens =
    [
        "null", "true", "-1", "0", "1.0", "1.5", "1e3", "1e400", "-1e400", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "123456789012345678901234567890", "0.00001", "1e-400",
        "\"\"", "\" \"", "\"x\\u0000y\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u202e\\ufeff\"", "\"😀😀\"", "\"ü/%2F?#\"", "\"9999-12-31T23:59:59Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"2026-02-30\"",
        "\"2026-03-09T10:00:00\"", "\"' OR 1=1 --\"", "\"../../etc/passwd\"", "[]", "{}", "[null]", "[[]]", "{\"\":null}", "NaN", "Infinity", "01", "+1", "0x10", "\"\t\"", "'x'", "tru",
    ];

    private static readonly string[] Texts =
    [
        "", " ", "A", "none", "x y", "ü", "😀", "a/b", "a%2Fb", "a%252Fb", "..", ".", "%00", "%zz", "\u0001", "\u007f", "\u202e", "a?b#c", "a;b=c", "'\"<>", "1+1", "-1", "0", "00", "2147483648", "9223372036854775808",
        "1e3", "٣", "null", "batch", "changes", "9999-12-31T23:59:59Z", "2286-11-21", "2026-03-01T12:00:00+99:00", "9999999999999", "99999999999999", "____", "bnVsbA", "e30", "0-1", "0-1.0-1", "99-99", "/w==", "\0",
    ];

    private static readonly string[] MediaTypes = ["text/plain", "application/jsonx", "application/json; charset=utf-16", "APPLICATION/JSON", "application/json;", "multipart/form-data; boundary=x", "", "application/xml", "*/*"];

    private static readonly string[] Tags = ["\"1\"", "*", "W/\"1\"", "\"1\", \"2\"", "1", "\"", "\"-1\"", ",", "\"99999999999999999999\""];

    public void Mutate(ApiRequest request)
    {
        for (var count = 1 + (random.Next(4) / 2); count > 0; count--)
        {
            var kind = random.Next(request.Body is null ? 5 : 14);
            switch (kind)
            {
                case 0 when request.Path.Count > 0:
                    request.Path[Any(request.Path.Keys.ToArray())] = Text();
                    break;
                case 1:
                    Query(request);
                    break;
                case 2:
                    request.Headers[Any("Idempotency-Key", "If-Match", "If-None-Match", "Accept", "Content-Encoding", "Expect-Nothing")] = Any([.. Tags, new string('k', 129), "a b", "ü", "key", ""]);
                    break;
                case 3 when random.Next(3) == 0:
                    request.RawPath = Raw(request.Target);
                    break;
                case 4 when random.Next(2) == 0:
                    request.Method = random.Next(3) > 0 && request.Method == "GET" ? "HEAD" : Any("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE");
                    break;
                case 5:
                    request.ContentType = random.Next(5) == 0 ? null : Any(MediaTypes);
                    break;
                case 6:
                    Bytes(request);
                    break;
                case > 6:
                    try
                    {
                        Body(request);
                    }
                    catch (Exception e) when (e is JsonException or InvalidOperationException)
                    {
                        // What an earlier mutation made of it can not be read; it stays as it is.
                    }

                    break;
                default:
                    Query(request);
                    break;
            }
        }
    }

    private void Query(ApiRequest request)
    {
        var names = request.Operation.Parameters.Where(parameter => (string)parameter["in"]! == "query").Select(parameter => (string)parameter["name"]!).ToArray();
        var name = names.Length > 0 && random.Next(6) > 0 ? Any(names) : Any("at", "known_at", "limit", "cursor", "unheard", "", "😀");
        request.Query.Add((name, random.Next(4) == 0 ? Any("1", "2", "10", "A", "DC", "5") : Text()));
        if (random.Next(8) == 0)
        {
            request.Query.Add(request.Query[^1]);
        }
    }

    private static string Repeat(string text, int times) => new StringBuilder().Insert(0, text, times).ToString();

    private string Text() => random.Next(6) == 0 ? Repeat(Any("x", "ü", "😀", "%", "/"), Any(32, 64, 65, 128, 300, 2000)) : Any(Texts);

    private string Raw(string target) => Any(target + "/", target + "//", "/" + target, target.Replace("/v1", "/V1", StringComparison.Ordinal), target.Replace("/v1", "/v1/.", StringComparison.Ordinal), target + "/%2e%2e", target + "%00",
        target + "/../x", target.Replace("/v1/", "/v1/%2F", StringComparison.Ordinal), target + "?&&=&?", target + "%", target + "%e2%82", "/v1/" + Repeat("a/", 500), "/v1/count-plans/a/b/c", "/v1/positions/%70/%2e/x/y", "/v1/transfers/", "/v1/%61tp/A");

    private void Bytes(ApiRequest request)
    {
        var body = request.Body!;
        request.Body = random.Next(9) switch
        {
            0 => [],
            1 => body[..random.Next(body.Length + 1)],
            2 => [0xEF, 0xBB, 0xBF, .. body],
            3 => [.. body, .. "x"u8],
            4 => [.. body, .. body],
            5 => [.. "/* a comment */"u8, .. body],
            6 => Encoding.UTF8.GetBytes(Repeat("[", 10_000)),
            7 => Encoding.UTF8.GetBytes(Repeat("{\"lines\":", 100)),
            _ => [.. body.Select(one => random.Next(40) == 0 ? (byte)random.Next(256) : one)],
        };
    }

    private void Body(ApiRequest request)
    {
        var root = JsonNode.Parse(request.Body, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        var places = new List<(JsonNode Parent, string? Name, int Index)>();
        Walk(root, places);
        if (places.Count == 0)
        {
            request.SetBody(Any(Tokens));
            return;
        }

        var (parent, name, index) = Any([.. places]);
        var token = Token();
        var mark = $"@@{random.Next()}@@";
        switch (random.Next(8))
        {
            case 0 when parent is JsonObject holder:
                holder.Remove(name!);
                break;
            case 1 when parent is JsonObject holder:
                holder[Any("unheard", "", "SKU_ID", "$type", "$ref", "__proto__", HalfName)] = mark;
                break;
            case 2 when parent is JsonObject holder:
                holder[mark] = holder[name!]?.DeepClone();
                request.SetBody(root!.ToJsonString().Replace(mark, name!, StringComparison.Ordinal));
                return;
            case 3 when parent is JsonArray items:
                var count = Any(2, 101, 501, 1001);
                while (items.Count < count)
                {
                    items.Add(items[0]?.DeepClone());
                }

                break;
            case 4 when Optional(request.Operation, parent) is { } optional && parent is JsonObject holder:
                holder[optional] = mark;
                break;
            default:
                if (parent is JsonObject members)
                {
                    members[name!] = mark;
                }
                else
                {
                    parent.AsArray()[index] = mark;
                }

                break;
        }

        request.SetBody(root!.ToJsonString().Replace($"\"{mark}\"", token, StringComparison.Ordinal).Replace(HalfName, "\\ud800", StringComparison.Ordinal));
    }

    // A member that a line or the body may have and has not.
    private string? Optional(SpecOperation operation, JsonNode parent)
    {
        var schema = operation.Members(parent.GetPath());
        var absent = schema.Where(name => parent is JsonObject holder && !holder.ContainsKey(name)).ToArray();
        return absent.Length == 0 ? null : Any(absent);
    }

    private string Token() => random.Next(8) switch
    {
        0 => "\"" + Repeat(Any("x", "ü", "😀"), Any(40, 41, 64, 65, 86, 256, 257, 20_000)) + "\"",
        1 => Repeat("[", 70) + Repeat("]", 70),
        2 => random.NextInt64(-10, 2_000_000).ToString(CultureInfo.InvariantCulture),
        3 => Any("1", "2", "1000000", "1000001", "2592000", "2592001", "366", "367", "90", "91", "0.5"),
        _ => Any(Tokens),
    };

    private static void Walk(JsonNode? node, List<(JsonNode, string?, int)> places)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members)
            {
                places.Add((members, name, 0));
                Walk(value, places);
            }
        }
        else if (node is JsonArray items)
        {
            for (var i = 0; i < items.Count; i++)
            {
                places.Add((items, null, i));
                Walk(items[i], places);
            }
        }
    }

    private T Any<T>(params T[] values) => values[random.Next(values.Length)];
}
