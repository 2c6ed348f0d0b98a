using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>The REST calls of Confluent's Schema Registry API v1 that clients make; deletions and mode changes are refused by name.</summary>
internal sealed class RegistryRoutes(RegistryStore store)
{
    private const string MediaType = "application/vnd.schemaregistry.v1+json";
    private const int MaximumBody = 1024 * 1024;

    public async Task AnswerAsync(HttpContext context)
    {
        int status = 200;
        byte[] body;
        try
        {
            body = await RouteAsync(context).ConfigureAwait(false);
        }
        catch (RegistryException e)
        {
            status = e.Status;
            body = Bytes(new RegistryFailure(e.Code, e.Message), RegistryJson.Default.RegistryFailure);
        }
        catch (BadHttpRequestException e)
        {
            status = e.StatusCode;
            body = Bytes(new RegistryFailure(e.StatusCode, e.Message), RegistryJson.Default.RegistryFailure);
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = MediaType;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task<byte[]> RouteAsync(HttpContext context)
    {
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var path = PathSegments.After("/", target);
        var query = context.Request.Query;
        switch (context.Request.Method, path)
        {
            case ("GET", [""]):
                return "{}"u8.ToArray();
            case ("GET", ["schemas", "types"]):
                return Bytes(["AVRO"], RegistryJson.Default.IReadOnlyListString);
            case ("GET", ["schemas", "ids", var id]):
                var found = store.ById(Id(id));
                return Bytes(new RegistryVersion { Schema = found.Text, References = References(found) }, RegistryJson.Default.RegistryVersion);
            case ("GET", ["schemas", "ids", var id, "schema"]):
                return Encoding.UTF8.GetBytes(store.ById(Id(id)).Text);
            case ("GET", ["schemas", "ids", var id, "versions"]):
                return Bytes(store.Uses(Id(id)), RegistryJson.Default.IReadOnlyListRegistryVersion);
            case ("GET", ["schemas", "ids", var id, "subjects"]):
                return Bytes([.. store.Uses(Id(id)).Select(use => use.Subject!).Distinct()], RegistryJson.Default.IReadOnlyListString);
            case ("GET", ["subjects"]):
                return Bytes(store.Subjects(query["subjectPrefix"].ToString()), RegistryJson.Default.IReadOnlyListString);
            case ("POST", ["subjects", var subject]):
                var (version, schema) = store.Find(subject, await SchemaAsync(context).ConfigureAwait(false));
                return Whole(subject, version, schema);
            case ("GET", ["subjects", var subject, "versions"]):
                return Bytes(store.Versions(subject), RegistryJson.Default.IReadOnlyListInt32);
            case ("POST", ["subjects", var subject, "versions"]):
                var added = store.Register(subject, await SchemaAsync(context).ConfigureAwait(false));
                return Bytes(new RegistryVersion { Id = added.Id }, RegistryJson.Default.RegistryVersion);
            case ("GET", ["subjects", var subject, "versions", var wanted]):
                var (number, one) = store.Version(subject, wanted);
                return Whole(subject, number, one);
            case ("GET", ["subjects", var subject, "versions", var wanted, "schema"]):
                return Encoding.UTF8.GetBytes(store.Version(subject, wanted).Schema.Text);
            case ("POST", ["compatibility", "subjects", var subject, "versions"]):
                return Compatibility(store.Check(subject, null, await SchemaAsync(context).ConfigureAwait(false)), query["verbose"] == "true");
            case ("POST", ["compatibility", "subjects", var subject, "versions", var against]):
                return Compatibility(store.Check(subject, against, await SchemaAsync(context).ConfigureAwait(false)), query["verbose"] == "true");
            case (_, ["config", ..]) when path.Length <= 2:
                return await ConfigAsync(context, path.Length == 2 ? path[1] : null).ConfigureAwait(false);
            case ("GET", ["mode"] or ["mode", _]):
                return Bytes(new Dictionary<string, string> { ["mode"] = "READWRITE" }, RegistryJson.Default.DictionaryStringString);
            case ("PUT" or "DELETE", ["mode", ..]):
                throw new RegistryException(405, 405, "This registry has the mode READWRITE only.");
            case ("DELETE", ["subjects", ..]):
                throw new RegistryException(405, 405, "This registry does not delete: messages with the schema may still be in a topic. Start it anew to forget what was added.");
            default:
                throw new RegistryException(404, 404, "HTTP 404 Not Found");
        }
    }

    private async Task<byte[]> ConfigAsync(HttpContext context, string? subject)
    {
        switch (context.Request.Method)
        {
            case "GET":
                var mode = store.OwnMode(subject) ?? (context.Request.Query["defaultToGlobal"] == "true" ? store.OwnMode(null) : null);
                return mode is { } known
                    ? Config("compatibilityLevel", known)
                    : throw new RegistryException(404, 40408, $"Subject '{subject}' does not have subject-level compatibility configured");
            case "PUT":
                var body = await BodyAsync(context, RegistryJson.Default.RegistryConfigBody).ConfigureAwait(false);
                if (!SchemaCompatibility.TryParseMode(body.Compatibility, out var wanted))
                {
                    throw new RegistryException(422, 42203,
                        "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive");
                }

                store.SetMode(subject, wanted);
                return Config("compatibility", wanted);
            case "DELETE":
                var last = store.OwnMode(subject) ?? throw RegistryException.NoSubject(subject!);
                store.SetMode(subject, null);
                return Config("compatibilityLevel", last);
            default:
                throw new RegistryException(405, 405, "HTTP 405 Method Not Allowed");
        }
    }

    private static byte[] Config(string name, CompatibilityMode mode) =>
        Bytes(new Dictionary<string, string> { [name] = SchemaCompatibility.NameOf(mode) }, RegistryJson.Default.DictionaryStringString);

    private static byte[] Compatibility(IReadOnlyList<string> violations, bool verbose) =>
        Bytes(new RegistryCompatibility(violations.Count == 0, verbose ? violations : null), RegistryJson.Default.RegistryCompatibility);

    private static byte[] Whole(string subject, int version, StoredSchema schema) => Bytes(
        new RegistryVersion { Subject = subject, Version = version, Id = schema.Id, Schema = schema.Text, References = References(schema) },
        RegistryJson.Default.RegistryVersion);

    private static IReadOnlyList<RegistryReference>? References(StoredSchema schema) => schema.References.Count > 0 ? schema.References : null;

    private static int Id(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : throw RegistryException.NoSchema(text);

    private static Task<RegistrySchemaBody> SchemaAsync(HttpContext context) => BodyAsync(context, RegistryJson.Default.RegistrySchemaBody);

    private static async Task<T> BodyAsync<T>(HttpContext context, JsonTypeInfo<T> type)
    {
        if (context.Request.ContentLength > MaximumBody)
        {
            throw new RegistryException(413, 413, $"A request has at most {MaximumBody} bytes.");
        }

        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted).ConfigureAwait(false)
                ?? throw new JsonException("the body is null");
        }
        catch (JsonException e)
        {
            throw new RegistryException(400, 400, $"The body is not the JSON that this call takes: {e.Message}");
        }
    }

    private static byte[] Bytes<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);
}
