using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>
/// A client of Confluent's Schema Registry REST API; written here because the package source has no Confluent.SchemaRegistry.
/// Schemas by id never change, so they are kept; "no such id" is believed only for moments, because the producer may register it next.
/// </summary>
public sealed class SchemaRegistryClient : ISchemaSource, IDisposable
{
    private const int SubjectNotFound = 40401, VersionNotFound = 40402, SchemaNotFound = 40403;
    private const int MaximumReferenceDepth = 16;
    private readonly RegistryTransport transport;
    private readonly SchemaRegistryOptions options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly SemaphoreSlim fetch = new(1);
    private readonly Lock cacheLock = new();
    private readonly Dictionary<int, Cached> cache = [];
    private readonly Queue<int> ages = new();

    /// <exception cref="SetupException">A setting can not work.</exception>
    public SchemaRegistryClient(SchemaRegistryOptions options, TimeProvider? time = null, ILogger? logger = null)
    {
        this.options = options;
        this.time = time ?? TimeProvider.System;
        this.logger = logger ?? NullLogger.Instance;
        transport = new RegistryTransport(options, this.time, this.logger);
    }

    public ValueTask<AvroSchema?> GetByIdAsync(int id, CancellationToken token) =>
        TryCached(id, out var schema) ? ValueTask.FromResult(schema) : new ValueTask<AvroSchema?>(FetchAsync(id, token));

    public async Task<int> RegisterAsync(string subject, AvroSchema schema, CancellationToken token)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new RegistryRequest(schema.ToJson()), RegistryClientJson.Default.RegistryRequest);
        var answer = await SendAsync(HttpMethod.Post, $"subjects/{Escape(subject)}/versions", body, token).ConfigureAwait(false);
        if (answer.Error is { } error)
        {
            throw new SetupException($"the schema registry refuses '{subject}': {error.Message} ({error.ErrorCode})");
        }

        var id = Read(answer, RegistryClientJson.Default.RegistrySchema).Id;
        Keep(id, schema);
        return id;
    }

    public async Task<RegisteredSchema?> GetLatestAsync(string subject, CancellationToken token) =>
        await VersionAsync(subject, "latest", 0, token).ConfigureAwait(false);

    public async Task<IReadOnlyList<RegisteredSchema>> GetVersionsAsync(string subject, CancellationToken token)
    {
        var answer = await SendAsync(HttpMethod.Get, $"subjects/{Escape(subject)}/versions", null, token).ConfigureAwait(false);
        if (answer.Error is { } error)
        {
            return error.ErrorCode == SubjectNotFound ? [] : throw Unexpected(error);
        }

        var versions = new List<RegisteredSchema>();
        foreach (var version in Read(answer, RegistryClientJson.Default.Int32Array).Order())
        {
            var text = version.ToString(System.Globalization.CultureInfo.InvariantCulture);
            if (await VersionAsync(subject, text, 0, token).ConfigureAwait(false) is { } schema)
            {
                versions.Add(schema);
            }
        }

        return versions;
    }

    public void Dispose()
    {
        transport.Dispose();
        fetch.Dispose();
    }

    private async Task<AvroSchema?> FetchAsync(int id, CancellationToken token)
    {
        // One at a time: lanes that meet a new id together ask once.
        await fetch.WaitAsync(token).ConfigureAwait(false);
        try
        {
            if (TryCached(id, out var known))
            {
                return known;
            }

            var answer = await SendAsync(HttpMethod.Get, FormattableString.Invariant($"schemas/ids/{id}"), null, token).ConfigureAwait(false);
            if (answer.Error is { } error && error.ErrorCode != SchemaNotFound)
            {
                throw Unexpected(error);
            }

            AvroSchema? schema = null;
            if (answer.Error is null)
            {
                schema = await TryParseAsync(id, Read(answer, RegistryClientJson.Default.RegistrySchema), token).ConfigureAwait(false);
            }
            else
            {
                logger.SchemaAbsent(id);
            }

            Keep(id, schema);
            return schema;
        }
        finally
        {
            fetch.Release();
        }
    }

    private async Task<AvroSchema?> TryParseAsync(int id, RegistrySchema found, CancellationToken token)
    {
        try
        {
            var schema = await ParseAsync(found, 0, token).ConfigureAwait(false);
            logger.SchemaFetched(id);
            return schema;
        }
        catch (AvroException e)
        {
            logger.SchemaUnusable(id, e.Message);
            return null;
        }
    }

    private async Task<RegisteredSchema?> VersionAsync(string subject, string version, int depth, CancellationToken token)
    {
        var answer = await SendAsync(HttpMethod.Get, $"subjects/{Escape(subject)}/versions/{version}", null, token).ConfigureAwait(false);
        if (answer.Error is { } error)
        {
            return error.ErrorCode is SubjectNotFound or VersionNotFound ? null : throw Unexpected(error);
        }

        var found = Read(answer, RegistryClientJson.Default.RegistrySchema);
        try
        {
            return new RegisteredSchema(subject, found.Version, found.Id, await ParseAsync(found, depth, token).ConfigureAwait(false));
        }
        catch (AvroException e) when (depth == 0)
        {
            throw new SetupException($"version {version} of '{subject}' in the schema registry can not be used: {e.Message}", e);
        }
    }

    private async Task<AvroSchema> ParseAsync(RegistrySchema found, int depth, CancellationToken token)
    {
        if (found.SchemaType is { } type && !type.Equals("AVRO", StringComparison.OrdinalIgnoreCase))
        {
            throw new AvroException($"it is of type {type}, not AVRO");
        }

        var references = new List<AvroSchema>();
        foreach (var reference in found.References ?? [])
        {
            if (depth >= MaximumReferenceDepth)
            {
                throw new AvroException($"its references go deeper than {MaximumReferenceDepth}");
            }

            var version = reference.Version.ToString(System.Globalization.CultureInfo.InvariantCulture);
            var referred = await VersionAsync(reference.Subject, version, depth + 1, token).ConfigureAwait(false);
            references.Add(referred?.Schema ?? throw new AvroException($"it refers to version {version} of '{reference.Subject}', which is not there"));
        }

        return AvroSchema.Parse(found.Schema ?? throw new AvroException("the answer has no schema"), references);
    }

    private async Task<RegistryAnswer> SendAsync(HttpMethod method, string path, byte[]? body, CancellationToken token)
    {
        var answer = await transport.SendAsync(method, path, body, token).ConfigureAwait(false);
        var outcome = answer.Error is null ? "found"
            : answer.Error.ErrorCode is SubjectNotFound or VersionNotFound or SchemaNotFound ? "absent"
            : "refused";
        Metrics.RegistryRequests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        return answer;
    }

    private bool TryCached(int id, out AvroSchema? schema)
    {
        lock (cacheLock)
        {
            if (cache.TryGetValue(id, out var cached) && (cached.Schema is not null || time.GetUtcNow() < cached.Until))
            {
                schema = cached.Schema;
                return true;
            }
        }

        schema = null;
        return false;
    }

    private void Keep(int id, AvroSchema? schema)
    {
        lock (cacheLock)
        {
            if (!cache.ContainsKey(id))
            {
                ages.Enqueue(id);
            }

            cache[id] = new Cached(schema, time.GetUtcNow().AddSeconds(options.AbsentSeconds));
            if (cache.Count > options.MaxCachedSchemas)
            {
                cache.Remove(ages.Dequeue());
            }
        }
    }

    private static T Read<T>(RegistryAnswer answer, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer.Body, type) ?? throw new JsonException("the body is null");
        }
        catch (JsonException e)
        {
            throw new StoreUnavailableException($"The schema registry's answer is no registry's: {e.Message}", e);
        }
    }

    private static StoreUnavailableException Unexpected(RegistryError error) =>
        new($"The schema registry refuses: {error.Message} ({error.ErrorCode})");

    private static string Escape(string subject) => Uri.EscapeDataString(subject);

    private readonly record struct Cached(AvroSchema? Schema, DateTimeOffset Until);
}
