using System.Net;
using System.Text;
using System.Text.Json;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class RegistryServerTests : IAsyncLifetime, IDisposable
{
    private const string Movements = "inventory.movements-value";
    private readonly HttpClient client = new();
    private RegistryServer? server;

    public async Task InitializeAsync()
    {
        server = await RegistryServer.StartAsync(SchemaCatalog.DefaultFolder, 0, CancellationToken.None);
        client.BaseAddress = new Uri(server.Url);
    }

    public async Task DisposeAsync() => await server!.DisposeAsync();

    public void Dispose() => client.Dispose();

    [Fact]
    public async Task The_folder_and_the_registry_agree_on_every_id()
    {
        var folder = new FolderSchemaSource(SchemaCatalog.DefaultFolder);
        using var registry = new SchemaRegistryClient(new SchemaRegistryOptions(server!.Url));
        var catalog = SchemaCatalog.Load(SchemaCatalog.DefaultFolder);
        Assert.Equal(Directory.GetFiles(SchemaCatalog.DefaultFolder, "*.avsc").Length, catalog.Count);
        foreach (var entry in catalog)
        {
            var local = await folder.GetByIdAsync(entry.Id, CancellationToken.None);
            var remote = await registry.GetByIdAsync(entry.Id, CancellationToken.None);
            Assert.Equal(local!.ToJson(), remote!.ToJson());
            Assert.Equal(entry.Record, remote.FullName);
            Assert.Equal(entry.Id, (await registry.GetLatestAsync(entry.Subject, CancellationToken.None))!.Id);
            Assert.Equal(entry.Id, await registry.RegisterAsync(entry.Subject, local, CancellationToken.None));
            Assert.Equal(entry.Id, await folder.RegisterAsync(entry.Subject, remote, CancellationToken.None));
        }

        Assert.Equal(1, catalog.Single(entry => entry.Subject == Movements).Id);
        Assert.Null(await folder.GetByIdAsync(999, CancellationToken.None));
    }

    [Theory]
    [InlineData("GET", "/", null, 200, "{}")]
    [InlineData("GET", "/schemas/types", null, 200, """["AVRO"]""")]
    [InlineData("GET", "/subjects?subjectPrefix=reference.v", null, 200, """["reference.vendor-value"]""")]
    [InlineData("GET", "/subjects/inventory.movements-value/versions", null, 200, "[1]")]
    [InlineData("GET", "/schemas/ids/1/versions", null, 200, """[{"subject":"inventory.movements-value","version":1}]""")]
    [InlineData("GET", "/schemas/ids/1/subjects", null, 200, """["inventory.movements-value"]""")]
    [InlineData("GET", "/config", null, 200, """{"compatibilityLevel":"BACKWARD"}""")]
    [InlineData("GET", "/config/orders-value?defaultToGlobal=true", null, 200, """{"compatibilityLevel":"BACKWARD"}""")]
    [InlineData("GET", "/mode", null, 200, """{"mode":"READWRITE"}""")]
    [InlineData("POST", "/subjects/new/versions", """{"schema":"\"string\"","schemaType":"AVRO"}""", 200, """{"id":12}""")]
    [InlineData("PUT", "/config/orders-value", """{"compatibility":"FULL_TRANSITIVE"}""", 200, """{"compatibility":"FULL_TRANSITIVE"}""")]
    public async Task Calls_are_answered(string method, string path, string? body, int status, string expected)
    {
        var (code, text, type) = await CallAsync(method, path, body);
        Assert.Equal((status, expected, "application/vnd.schemaregistry.v1+json"), (code, text, type));
    }

    [Theory]
    [InlineData("GET", "/subjects/none/versions", null, 404, 40401)]
    [InlineData("GET", "/subjects/none/versions/1", null, 404, 40401)]
    [InlineData("GET", "/subjects/orders-value/versions/2", null, 404, 40402)]
    [InlineData("GET", "/subjects/orders-value/versions/x", null, 422, 42202)]
    [InlineData("GET", "/schemas/ids/999", null, 404, 40403)]
    [InlineData("POST", "/subjects/none", """{"schema":"\"int\""}""", 404, 40401)]
    [InlineData("POST", "/subjects/orders-value", """{"schema":"\"int\""}""", 404, 40403)]
    [InlineData("POST", "/subjects/a/versions", """{"schema":"{\"type\":\"nothing\"}"}""", 422, 42201)]
    [InlineData("POST", "/subjects/a/versions", """{"schema":""}""", 422, 42201)]
    [InlineData("POST", "/subjects/a/versions", """{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF"}""", 422, 42201)]
    [InlineData("POST", "/subjects/a/versions", "nonsense", 400, 400)]
    [InlineData("POST", "/subjects/orders-value/versions", """{"schema":"\"int\""}""", 409, 409)]
    [InlineData("PUT", "/config", """{"compatibility":"SOMETIMES"}""", 422, 42203)]
    [InlineData("GET", "/config/orders-value", null, 404, 40408)]
    [InlineData("DELETE", "/subjects/orders-value", null, 405, 405)]
    [InlineData("GET", "/nothing", null, 404, 404)]
    public async Task Refusals_have_the_registrys_codes(string method, string path, string? body, int status, int code)
    {
        var (answered, text, type) = await CallAsync(method, path, body);
        var error = JsonDocument.Parse(text).RootElement;
        Assert.Equal((status, code, "application/vnd.schemaregistry.v1+json"), (answered, error.GetProperty("error_code").GetInt32(), type));
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }

    [Fact]
    public async Task A_new_version_must_be_compatible_by_the_subjects_mode()
    {
        const string one = """{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"}""";
        const string without = """{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"}""";
        const string more = """{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"int\"}]}"}""";
        const string subject = "/subjects/a%2Fb/versions";
        Assert.Equal(200, (await CallAsync("POST", subject, one)).Status);
        Assert.Equal("""{"is_compatible":true}""", (await CallAsync("POST", "/compatibility" + subject + "/latest", without)).Body);
        var verbose = JsonDocument.Parse((await CallAsync("POST", "/compatibility" + subject + "/1?verbose=true", more)).Body).RootElement;
        Assert.False(verbose.GetProperty("is_compatible").GetBoolean());
        Assert.Contains("b", verbose.GetProperty("messages")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(409, (await CallAsync("POST", subject, more)).Status);
        Assert.Equal(200, (await CallAsync("PUT", "/config/a%2Fb", """{"compatibility":"NONE"}""")).Status);
        Assert.Equal(200, (await CallAsync("POST", subject, more)).Status);
        Assert.Equal("[1,2]", (await CallAsync("GET", subject, null)).Body);
        Assert.Equal((await CallAsync("GET", subject + "/latest", null)).Body, (await CallAsync("GET", subject + "/2", null)).Body);
        // The same schema again, laid out otherwise, is the version that there is.
        Assert.Equal("[1,2]", (await CallAsync("GET", subject, null)).Body);
        var again = JsonDocument.Parse((await CallAsync("POST", subject, one.Replace(":[{", ": [ {", StringComparison.Ordinal))).Body).RootElement.GetProperty("id").GetInt32();
        Assert.Equal(again, JsonDocument.Parse((await CallAsync("GET", subject + "/1", null)).Body).RootElement.GetProperty("id").GetInt32());
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_refused()
    {
        using var content = new StringContent(new string(' ', 1024 * 1024 + 1));
        using var response = await client.PostAsync(new Uri("/subjects/a/versions", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    private async Task<(int Status, string Body, string? Type)> CallAsync(string method, string path, string? body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/vnd.schemaregistry.v1+json");
        using var response = await client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType);
    }
}
