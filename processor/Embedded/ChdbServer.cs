using System.Net;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// Serves ClickHouse's HTTP interface from chDB, so that one client suits a server and a laptop. An acknowledged insert is in
/// its place on the file system and survives SIGKILL of this process.
/// </summary>
public sealed partial class ChdbServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ChdbHandler _handler;
    private readonly ChdbServerOptions _options;

    private ChdbServer(WebApplication application, ChdbHandler handler, ChdbServerOptions options)
    {
        _application = application;
        _handler = handler;
        _options = options;
    }

    /// <summary>Where it listens, without a slash at the end.</summary>
    public string Url => _application.Urls.First().TrimEnd('/');

    /// <summary>Opens the storage and listens.</summary>
    /// <exception cref="SetupException">A setting, the library, the folder or the port is at fault.</exception>
    public static async Task<ChdbServer> StartAsync(ChdbServerOptions options, CancellationToken token)
    {
        options.Validate();
        var engine = ChdbEngine.Open(options.Path, options.Fsync);
        // Engine calls block their thread; without a floor the pool would grow by one or two threads a second.
        ThreadPool.GetMinThreads(out _, out var completionPorts);
        ThreadPool.SetMinThreads(options.MaxConcurrentInserts + options.MaxConcurrentQueries + Environment.ProcessorCount + 4, completionPorts);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.DrainSeconds));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxRequestLineSize = 256 << 10;
            kestrel.Limits.MaxRequestBufferSize = 2 << 20;
            kestrel.Listen(IPAddress.Parse(options.Host), options.Port);
        });
        var application = builder.Build();
        var handler = new ChdbHandler(engine, options);
        application.Run(context => RouteAsync(handler, context));
        try
        {
            await application.StartAsync(token);
        }
        catch (Exception failure) when (failure is IOException or AddressInUseException or System.Net.Sockets.SocketException)
        {
            throw new SetupException($"cannot listen on {options.Host}:{options.Port}: {failure.InnerException?.Message ?? failure.Message}", failure);
        }

        return new ChdbServer(application, handler, options);
    }

    /// <summary>Refuses new requests and waits for those in flight, at most the drain time.</summary>
    public async Task DrainAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(_options.DrainSeconds));
        await _application.StopAsync(limit.Token);
    }

    /// <summary>Ends the process at once. The engine's exit handlers crash where MergeTree tables are open; its data need no shutdown.</summary>
    public static void ExitProcess(int code)
    {
        Console.Out.Flush();
        Console.Error.Flush();
        Exit(code);
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _handler.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);

    private static Task RouteAsync(ChdbHandler handler, HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsPost(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            response.StatusCode = StatusCodes.Status501NotImplemented;
            return response.WriteAsync($"The embedded ClickHouse has no method {request.Method}, only GET, HEAD and POST\n");
        }

        var path = request.Path.Value;
        if (path is "/ping" or "/replicas_status" || (path is "/" or "" or null && !HttpMethods.IsPost(request.Method) && !request.Query.ContainsKey("query")))
        {
            response.ContentType = "text/html; charset=UTF-8";
            return response.WriteAsync("Ok.\n");
        }

        if (path is "/")
        {
            return handler.HandleAsync(context);
        }

        response.StatusCode = StatusCodes.Status404NotFound;
        return response.WriteAsync($"There is no handle {path}\n\nUse / or /ping for health checks.\nSend queries to / by POST.\n");
    }
}
