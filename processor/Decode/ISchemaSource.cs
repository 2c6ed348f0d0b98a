using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>A version of a subject.</summary>
public sealed record RegisteredSchema(string Subject, int Version, int Id, AvroSchema Schema);

/// <summary>
/// Where schemas come from: a Schema Registry or a folder. Every call throws <see cref="StoreUnavailableException"/> while the source does
/// not answer, which is never the data's fault; thread-safe.
/// </summary>
public interface ISchemaSource
{
    /// <summary>The schema, or null where the source says that it has none (or none in Avro) under this id.</summary>
    ValueTask<AvroSchema?> GetByIdAsync(int id, CancellationToken token);

    /// <summary>The id of a schema under a subject, registered now if it is new.</summary>
    /// <exception cref="SetupException">The source refuses it; the message says why.</exception>
    Task<int> RegisterAsync(string subject, AvroSchema schema, CancellationToken token);

    /// <summary>The subject's latest version, or null where there is no such subject.</summary>
    Task<RegisteredSchema?> GetLatestAsync(string subject, CancellationToken token);

    /// <summary>Every version of a subject, oldest first; empty where there is no such subject.</summary>
    Task<IReadOnlyList<RegisteredSchema>> GetVersionsAsync(string subject, CancellationToken token);
}
