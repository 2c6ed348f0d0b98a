using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>What becomes of one insert.</summary>
internal enum InsertFault
{
    /// <summary>ClickHouse never sees it and code 252 is answered.</summary>
    TooManyParts,

    /// <summary>ClickHouse never sees it and code 241 is answered.</summary>
    MemoryLimit,

    /// <summary>ClickHouse never sees it and a load balancer's 503 is answered.</summary>
    Overloaded,

    /// <summary>ClickHouse never sees it and code 60 is answered, which no retry of the client mends.</summary>
    UnknownTable,

    /// <summary>The connection is cut before ClickHouse sees it.</summary>
    CutBefore,

    /// <summary>ClickHouse takes it and the connection is cut before the answer.</summary>
    CutAfter,
}

/// <summary>Stands between a processor and ClickHouse, hands requests on and answers chosen inserts itself.</summary>
internal sealed class ClickHouseProxy : IAsyncDisposable
{
    private readonly EmbeddedClickHouse server;
    private readonly WebApplication listener;
    private readonly HttpClient client = new(new ConnectFailureHandler()) { Timeout = TimeSpan.FromMinutes(1) };
    private readonly ConcurrentDictionary<string, ConcurrentQueue<InsertFault>> plans = new();
    private readonly ConcurrentDictionary<InsertFault, int> done = new();
    private int refusals;

    private ClickHouseProxy(EmbeddedClickHouse server)
    {
        this.server = server;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        listener = builder.Build();
        listener.Run(ServeAsync);
    }

    public string Url => listener.Urls.Single();

    /// <summary>While true every connection is cut: ClickHouse is away.</summary>
    public bool IsAway { get; set; }

    /// <summary>A table whose inserts are all refused, or null.</summary>
    public string? Refused { get; set; }

    /// <summary>Inserts refused because of <see cref="Refused"/>.</summary>
    public int Refusals => Volatile.Read(ref refusals);

    /// <summary>How often a fault has happened.</summary>
    public int Done(InsertFault fault) => done.GetValueOrDefault(fault);

    /// <summary>True when nothing that was planned is left.</summary>
    public bool AllDone => plans.Values.All(plan => plan.IsEmpty);

    /// <summary>What becomes of the next inserts into a table, one each.</summary>
    public void Plan(string table, params InsertFault[] faults)
    {
        var plan = plans.GetOrAdd(table, _ => new ConcurrentQueue<InsertFault>());
        foreach (var fault in faults)
        {
            plan.Enqueue(fault);
        }
    }

    public static async Task<ClickHouseProxy> StartAsync(EmbeddedClickHouse server)
    {
        var proxy = new ClickHouseProxy(server);
        await proxy.listener.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await listener.DisposeAsync();
        client.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        try
        {
            if (IsAway)
            {
                context.Abort();
                return;
            }

            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            if (Next(context.Request) is not { } fault)
            {
                await HandOnAsync(context, body);
                return;
            }

            if (fault == InsertFault.CutAfter)
            {
                using var taken = await SendAsync(context.Request, body);
                taken.EnsureSuccessStatusCode();
            }

            await FailAsync(context, fault);
            done.AddOrUpdate(fault, 1, static (_, times) => times + 1);
        }
        catch (Exception e) when (e is HttpRequestException or BadHttpRequestException or IOException or OperationCanceledException)
        {
            // ClickHouse is away itself, or the processor died.
            context.Abort();
        }
    }

    private InsertFault? Next(HttpRequest request)
    {
        var sql = request.Query["query"].ToString();
        if (Refused is { } table && sql.StartsWith($"INSERT INTO `{table}`", StringComparison.Ordinal))
        {
            Interlocked.Increment(ref refusals);
            return InsertFault.UnknownTable;
        }

        foreach (var (name, plan) in plans)
        {
            if (sql.StartsWith($"INSERT INTO `{name}`", StringComparison.Ordinal) && plan.TryDequeue(out var fault))
            {
                return fault;
            }
        }

        return null;
    }

    private static async Task FailAsync(HttpContext context, InsertFault fault)
    {
        var (status, code, text) = fault switch
        {
            InsertFault.TooManyParts => (500, "252", "Code: 252. DB::Exception: Too many parts (3001). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)"),
            InsertFault.MemoryLimit => (500, "241", "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)"),
            InsertFault.UnknownTable => (404, "60", "Code: 60. DB::Exception: Table does not exist. (UNKNOWN_TABLE)"),
            InsertFault.Overloaded => (503, null, "no server is available to handle this request"),
            InsertFault.CutBefore or InsertFault.CutAfter => (0, null, ""),
            _ => throw new ArgumentOutOfRangeException(nameof(fault)),
        };
        if (status == 0)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = status;
        if (code is not null)
        {
            context.Response.Headers["X-ClickHouse-Exception-Code"] = code;
        }

        await context.Response.WriteAsync(text);
    }

    private async Task HandOnAsync(HttpContext context, MemoryStream body)
    {
        using var answer = await SendAsync(context.Request, body);
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Where(header => header.Key.StartsWith("X-ClickHouse-", StringComparison.OrdinalIgnoreCase)))
        {
            context.Response.Headers[name] = values.ToArray();
        }

        await answer.Content.CopyToAsync(context.Response.Body);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequest request, MemoryStream body)
    {
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), new Uri(server.Url, "/" + request.QueryString))
        {
            Content = new ByteArrayContent(body.GetBuffer(), 0, (int)body.Length),
        };
        foreach (var (name, values) in request.Headers.Where(header => header.Key.StartsWith("X-ClickHouse-", StringComparison.OrdinalIgnoreCase)))
        {
            message.Headers.Add(name, values.ToArray());
        }

        return await client.SendAsync(message);
    }
}
