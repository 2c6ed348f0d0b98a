using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Stockflow.Model;
using Stockflow.Serve.Console;
using Stockflow.Serve.Stock;
using Stockflow.Telemetry;

namespace Stockflow.Serve;

/// <summary>
/// The HTTP API and the console: metrics, health, positions and status. Nothing here reads a configuration file or the environment;
/// all settings are <see cref="HttpOptions"/>. Ending the process stays the caller's business.
/// </summary>
public sealed class HttpServer : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly System.Diagnostics.Metrics.Meter meter;
    private readonly PrometheusExporter exporter;
    private readonly Admission admission;
    private readonly HistoryTurns history;
    private readonly ILogger logger;

    private HttpServer(WebApplication application, System.Diagnostics.Metrics.Meter meter, PrometheusExporter exporter, Admission admission, IHistoryReader? history)
    {
        this.application = application;
        this.meter = meter;
        this.exporter = exporter;
        this.admission = admission;
        logger = application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Stockflow.Serve");
        this.history = new HistoryTurns(history);
    }

    /// <summary>Addresses that it listens on, with the ports it was given; empty before the start.</summary>
    public IReadOnlyCollection<string> Addresses => [.. application.Urls];

    /// <summary>The paths that it answers.</summary>
    internal IEnumerable<RouteEndpoint> Routes => ((IEndpointRouteBuilder)application).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>();

    /// <param name="options">Settings.</param>
    /// <param name="positions">Live positions.</param>
    /// <param name="status">Lanes and totals of this process.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">How it logs.</param>
    /// <param name="history">The ledger; without it questions about the past are answered 503.</param>
    /// <param name="stock">The commands on stock; without them their paths answer 503.</param>
    /// <param name="console">What the console may do; where a part is absent it says so.</param>
    /// <exception cref="SetupException">A setting can not work.</exception>
    public static HttpServer Build(HttpOptions options, IPositionReader positions, ProcessorStatus status, TimeProvider time,
        LogOptions? log = null, IHistoryReader? history = null, StockServices? stock = null, ConsoleServices? console = null)
    {
        options.Validate();
        var certificate = Certificate(options);
        var keys = options.ApiKeyFile is null ? null : new ApiKeys(options.ApiKeyFile);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        (log ?? new LogOptions()).Apply(builder.Logging);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        // No handler blocks, so a request needs no thread of its own to begin on.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(75);
            foreach (var url in options.Addresses())
            {
                kestrel.Listen(HttpOptions.Address(url), url.Port, listener => Secure(listener, url, certificate));
            }
        });

        var application = builder.Build();
        var meter = Metrics.Observe(status, time);
        var exporter = new PrometheusExporter(Metrics.Meter, meter);
        var server = new HttpServer(application, meter, exporter, new Admission(options), history);
        var guard = new RequestGuard(options, keys, server.admission, time, server.logger);
        application.Use(next => context => guard.InvokeAsync(context, next));
        application.UseRouting();
        console ??= new ConsoleServices();
        stock ??= new StockServices(null, new StockSettings(), new ReferenceCatalog(), requireKnownIds: false, time);
        var past = new HistoryEndpoints(server.history, time, server.logger);
        past.Map(application);
        stock.Map(application);
        new Endpoints(positions, past, status, exporter).Map(application);
        OpenApiEndpoint.Map(application);
        new DeadLetterEndpoints(console.DeadLetters, server.logger).Map(application);
        new ConsoleEndpoints(console, keys, positions, server.history, () => StatusReport.Of(status, exporter.Quantiles(Metrics.Freshness)), time, server.logger)
            .Map(application);
        return server;
    }

    /// <exception cref="SetupException">An address is taken or not this machine's.</exception>
    public async Task StartAsync(CancellationToken token)
    {
        try
        {
            await application.StartAsync(token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new SetupException($"The HTTP API can not listen: {e.Message}", e);
        }

        logger.HttpListening(string.Join(' ', application.Urls));
    }

    /// <summary>Lets running requests end within the token's time.</summary>
    public Task StopAsync(CancellationToken token) => application.StopAsync(token);

    public async ValueTask DisposeAsync()
    {
        await application.DisposeAsync().ConfigureAwait(false);
        admission.Dispose();
        history.Dispose();
        exporter.Dispose();
        meter.Dispose();
    }

    private static void Secure(ListenOptions listener, Uri url, X509Certificate2? certificate)
    {
        if (url.Scheme == "https")
        {
            listener.UseHttps(certificate!);
        }
        else
        {
            // HTTP/2 without TLS needs prior knowledge; offering it here only makes Kestrel warn.
            listener.Protocols = HttpProtocols.Http1;
        }
    }

    private static X509Certificate2? Certificate(HttpOptions options)
    {
        if (options.CertificateFile is not { } file)
        {
            return null;
        }

        var password = options.CertificatePasswordFile is { } name ? File.ReadLines(name).FirstOrDefault() : null;
        try
        {
            return Path.GetExtension(file).ToUpperInvariant() is ".PFX" or ".P12"
                ? X509CertificateLoader.LoadPkcs12FromFile(file, password)
                : password is null
                    ? X509Certificate2.CreateFromPemFile(file, options.CertificateKeyFile)
                    : X509Certificate2.CreateFromEncryptedPemFile(file, password, options.CertificateKeyFile);
        }
        catch (System.Security.Cryptography.CryptographicException e)
        {
            throw new SetupException($"http.certificate-file '{file}' can not be used: {e.Message}", e);
        }
    }

    /// <summary>Leaves signals and the end of the process to the caller, who drains the lanes first.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
