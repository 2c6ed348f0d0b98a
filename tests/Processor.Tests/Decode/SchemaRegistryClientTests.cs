using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

public sealed class SchemaRegistryClientTests : IAsyncLifetime
{
    private const string Absent = """{"error_code":40403,"message":"Schema 7 not found"}""";
    private readonly Queue<(int Status, string Body)> answers = new();
    private readonly List<string> asked = [];
    private WebApplication? registry;

    private string Url => registry!.Urls.Single();

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        registry = builder.Build();
        registry.Run(async context =>
        {
            asked.Add($"{context.Request.Method} {context.Request.Path} {context.Request.Headers.Authorization}".TrimEnd());
            var (status, body) = answers.Count > 1 ? answers.Dequeue() : answers.Peek();
            context.Response.StatusCode = status;
            await context.Response.WriteAsync(body, context.RequestAborted);
        });
        await registry.StartAsync();
    }

    public async Task DisposeAsync() => await registry!.DisposeAsync();

    [Fact]
    public async Task A_schema_is_fetched_once()
    {
        answers.Enqueue((200, """{"schema":"\"string\""}"""));
        using var client = Client();
        Assert.Equal(AvroType.String, (await client.GetByIdAsync(7, CancellationToken.None))!.Type);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.GetByIdAsync(7, CancellationToken.None).AsTask()));
        Assert.Equal(["GET /schemas/ids/7"], asked);
    }

    [Fact]
    public async Task No_such_id_is_null_and_believed_only_for_a_while()
    {
        answers.Enqueue((404, Absent));
        answers.Enqueue((200, """{"schema":"\"long\""}"""));
        var clock = new ManualClock();
        using var client = Client(clock: clock);
        Assert.Null(await client.GetByIdAsync(7, CancellationToken.None));
        Assert.Null(await client.GetByIdAsync(7, CancellationToken.None));
        Assert.Single(asked);
        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.NotNull(await client.GetByIdAsync(7, CancellationToken.None));
    }

    [Theory]
    [InlineData(200, """{"schema":"{\"type\":\"nothing\"}"}""")]
    [InlineData(200, """{"schema":"message M {}","schemaType":"PROTOBUF"}""")]
    public async Task A_schema_that_is_no_Avro_is_the_datas_fault(int status, string body)
    {
        answers.Enqueue((status, body));
        using var client = Client();
        Assert.Null(await client.GetByIdAsync(7, CancellationToken.None));
    }

    [Theory]
    [InlineData(500, """{"error_code":50001,"message":"Error in the backend data store"}""", "backend")]
    [InlineData(503, "", "503")]
    [InlineData(404, "<html>not here</html>", "check the address")]
    [InlineData(401, """{"error_code":401,"message":"Unauthorized"}""", "credentials")]
    [InlineData(302, "", "redirects")]
    [InlineData(200, "<html>", "no registry's")]
    public async Task Anything_else_is_unavailable_and_not_cached(int status, string body, string reason)
    {
        answers.Enqueue((status, body));
        using var client = Client(tries: 2);
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => client.GetByIdAsync(7, CancellationToken.None).AsTask());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        answers.Clear();
        answers.Enqueue((200, """{"schema":"\"string\""}"""));
        Assert.NotNull(await client.GetByIdAsync(7, CancellationToken.None));
    }

    [Fact]
    public async Task It_tries_again_and_asks_the_next_address()
    {
        answers.Enqueue((500, ""));
        answers.Enqueue((200, """{"schema":"\"string\""}"""));
        // Port 9 (discard) refuses: the first address is dead, the second answers at its second try.
        using var client = Client(urls: "http://127.0.0.1:9, " + Url);
        Assert.NotNull(await client.GetByIdAsync(7, CancellationToken.None));
        Assert.Equal(2, asked.Count);
    }

    [Fact]
    public async Task References_are_followed()
    {
        answers.Enqueue((200, """{"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"}]}","references":[{"name":"B","subject":"b/1","version":2}]}"""));
        answers.Enqueue((200, """{"subject":"b/1","version":2,"id":3,"schema":"{\"type\":\"fixed\",\"name\":\"B\",\"size\":4}"}"""));
        using var client = Client();
        var schema = await client.GetByIdAsync(7, CancellationToken.None);
        Assert.Equal(4, schema!.Fields[0].Schema.Size);
        Assert.Equal(2, asked.Count);
    }

    [Fact]
    public async Task Credentials_of_a_file_are_sent()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("stockflow").FullName, "user");
        await File.WriteAllTextAsync(file, "me:secret\n");
        answers.Enqueue((404, Absent));
        using var client = new SchemaRegistryClient(new SchemaRegistryOptions(Url, UserInfoFile: file));
        await client.GetByIdAsync(7, CancellationToken.None);
        Assert.EndsWith("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me:secret")), asked.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registration_that_is_refused_says_why()
    {
        answers.Enqueue((409, """{"error_code":409,"message":"incompatible"}"""));
        using var client = Client();
        var error = await Assert.ThrowsAsync<SetupException>(() => client.RegisterAsync("s", AvroSchema.Parse("\"string\""), CancellationToken.None));
        Assert.Contains("incompatible", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_callers_cancellation_is_not_unavailability()
    {
        answers.Enqueue((503, ""));
        using var client = Client(tries: 1000);
        using var stop = new CancellationTokenSource();
        var call = client.GetByIdAsync(7, stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    private SchemaRegistryClient Client(string? urls = null, int tries = 4, TimeProvider? clock = null) =>
        new(new SchemaRegistryOptions(urls ?? Url, Tries: tries, BackoffMilliseconds: 1), clock);

    private sealed class ManualClock : TimeProvider
    {
        private DateTimeOffset now = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => now;

        public void Advance(TimeSpan by) => now += by;
    }
}
