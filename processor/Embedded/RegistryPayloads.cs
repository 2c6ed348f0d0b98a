using System.Text.Json.Serialization;
using Stockflow.Avro;

namespace Stockflow.Embedded;

/// <summary>A schema that another one names types of.</summary>
internal sealed record RegistryReference(string Name, string Subject, int Version);

/// <summary>What clients send to register, look up or check.</summary>
internal sealed record RegistrySchemaBody(string? Schema, string? SchemaType, IReadOnlyList<RegistryReference>? References);

/// <summary>What clients send to set a mode of compatibility.</summary>
internal sealed record RegistryConfigBody(string? Compatibility);

/// <summary>A version of a subject; the whole or, where members are null, the part that an answer has.</summary>
internal sealed record RegistryVersion
{
    public string? Subject { get; init; }

    public int? Version { get; init; }

    public int? Id { get; init; }

    public string? Schema { get; init; }

    public IReadOnlyList<RegistryReference>? References { get; init; }
}

internal sealed record RegistryFailure([property: JsonPropertyName("error_code")] int ErrorCode, string Message);

internal sealed record RegistryCompatibility([property: JsonPropertyName("is_compatible")] bool IsCompatible, IReadOnlyList<string>? Messages);

/// <summary>One schema of the registry.</summary>
internal sealed record StoredSchema(int Id, string Text, AvroSchema Schema, IReadOnlyList<RegistryReference> References);

/// <summary>A refusal in the registry's own terms: HTTP status and error code.</summary>
internal sealed class RegistryException(int status, int code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public int Code { get; } = code;

    public static RegistryException NoSubject(string subject) => new(404, 40401, $"Subject '{subject}' not found.");

    public static RegistryException NoVersion(string version) => new(404, 40402, $"Version {version} not found.");

    public static RegistryException NoSchema(string what) => new(404, 40403, $"Schema {what} not found");

    public static RegistryException Invalid(string reason) => new(422, 42201, $"Invalid schema: {reason}");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RegistrySchemaBody))]
[JsonSerializable(typeof(RegistryConfigBody))]
[JsonSerializable(typeof(RegistryVersion))]
[JsonSerializable(typeof(IReadOnlyList<RegistryVersion>))]
[JsonSerializable(typeof(RegistryFailure))]
[JsonSerializable(typeof(RegistryCompatibility))]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<int>))]
internal sealed partial class RegistryJson : JsonSerializerContext;
