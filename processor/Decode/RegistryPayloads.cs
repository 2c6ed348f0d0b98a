using System.Text.Json.Serialization;

namespace Stockflow.Decode;

/// <summary>A schema as the registry's REST API tells it (Confluent Schema Registry API v1).</summary>
internal sealed record RegistrySchema
{
    public string? Subject { get; init; }

    public int Version { get; init; }

    public int Id { get; init; }

    public string? Schema { get; init; }

    /// <summary>Absent for Avro.</summary>
    public string? SchemaType { get; init; }

    public IReadOnlyList<RegistryReference>? References { get; init; }
}

internal sealed record RegistryReference(string Name, string Subject, int Version);

internal sealed record RegistryRequest(string Schema);

internal sealed record RegistryError
{
    [JsonPropertyName("error_code")]
    public int ErrorCode { get; init; }

    [JsonPropertyName("message")]
    public string? Message { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RegistrySchema))]
[JsonSerializable(typeof(RegistryRequest))]
[JsonSerializable(typeof(RegistryError))]
[JsonSerializable(typeof(int[]))]
internal sealed partial class RegistryClientJson : JsonSerializerContext;
