using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Serve.Description;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Serve;

/// <summary>That the OpenAPI document tells of the paths and bodies that there are.</summary>
public sealed class ApiDocumentTests
{
    private static readonly string File = Path.Combine(Repository.Root, "processor/Serve/openapi.json");

    [Fact]
    public void The_document_in_the_repository_is_that_of_the_code()
    {
        var made = ApiDocument.Write();
        if (Environment.GetEnvironmentVariable("STOCKFLOW_WRITE_OPENAPI") == "1")
        {
            System.IO.File.WriteAllText(File, made);
        }

        var (kept, now) = (System.IO.File.ReadAllText(File).Split('\n'), made.Split('\n'));
        var at = kept.Zip(now).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.True(kept.Length == now.Length && at == kept.Length,
            $"processor/Serve/openapi.json is not what the code describes, from line {at + 1} on: it has '{kept.ElementAtOrDefault(at)?.Trim()}', the code says '{now.ElementAtOrDefault(at)?.Trim()}'. "
            + "Is the change of the API meant, run the tests once with STOCKFLOW_WRITE_OPENAPI=1 and commit the file.");
    }

    [Fact]
    public async Task Every_path_that_is_mapped_is_described_and_the_reverse()
    {
        await using var server = HttpServer.Build(new HttpOptions("http://127.0.0.1:0"), new FakePositions(), new ProcessorStatus(), TimeProvider.System, new LogOptions(Level: Microsoft.Extensions.Logging.LogLevel.None));
        var mapped = server.Routes.SelectMany(route => Methods(route).Select(method => $"{method} {route.RoutePattern.RawText}"))
            .Where(route => route.Contains(" /v1", StringComparison.OrdinalIgnoreCase)).ToHashSet();
        var described = new ApiDescription().Operations.Where(operation => operation.Path.StartsWith("/v1", StringComparison.Ordinal))
            .SelectMany(operation => (operation.HasHead ? new[] { operation.Method, "HEAD" } : [operation.Method]).Select(method => $"{method} {operation.Route}")).ToHashSet();
        Assert.True(mapped.SetEquals(described),
            $"Mapped but not described in Serve/Description: {string.Join(", ", mapped.Except(described))}. Described but not mapped: {string.Join(", ", described.Except(mapped))}.");
        Assert.True(mapped.Count > 60);
    }

    [Fact]
    public void Paths_and_names_are_told_once()
    {
        var operations = new ApiDescription().Operations;
        Assert.Equal(operations.Count, operations.Select(operation => operation.Id).Distinct().Count());
        Assert.Equal(operations.Count, operations.Select(operation => $"{operation.Method} {operation.Path}").Distinct().Count());
        foreach (var operation in operations)
        {
            Assert.Equal(operation.Path.Split('/').Where(part => part.StartsWith('{')), operation.Parameters.Where(parameter => parameter.Place == "path").Select(parameter => $"{{{parameter.Name}}}"));
        }
    }

    private static IEnumerable<string> Methods(Microsoft.AspNetCore.Routing.RouteEndpoint route) => route.Metadata.OfType<Microsoft.AspNetCore.Routing.HttpMethodMetadata>().SelectMany(methods => methods.HttpMethods);
}
