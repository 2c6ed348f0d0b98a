namespace Stockflow.Serve;

/// <summary>The OpenAPI document of the HTTP API, as it stands in the repository.</summary>
internal static class OpenApiEndpoint
{
    public const string Path = "/v1/openapi.json", Resource = "openapi.json";

    private static readonly Lazy<byte[]> Document = new(Read);

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapMethods(Path, ["GET", "HEAD"], context => Problems.JsonAsync(context, Document.Value, "application/json", context.RequestAborted));

    private static byte[] Read()
    {
        using var stream = typeof(OpenApiEndpoint).Assembly.GetManifestResourceStream(Resource)!;
        var document = new byte[stream.Length];
        stream.ReadExactly(document);
        return document;
    }
}
