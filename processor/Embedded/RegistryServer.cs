using System.Net;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// Answers the calls that clients make of a Confluent Schema Registry, so that any Confluent client on the machine can produce and read.
/// Memory only; on 127.0.0.1 only, because it asks for no credentials.
/// </summary>
public sealed class RegistryServer : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly RegistryStore store;

    private RegistryServer(WebApplication application, RegistryStore store) => (this.application, this.store) = (application, store);

    /// <summary>Where it listens, without a slash at the end.</summary>
    public string Url => application.Urls.First().TrimEnd('/');

    /// <summary>Schemas that it holds.</summary>
    public int SchemaCount => store.SchemaCount;

    /// <summary>Loads the folder's schemas and listens; port 0 takes a free one.</summary>
    /// <exception cref="SetupException">The folder or the port is at fault.</exception>
    public static async Task<RegistryServer> StartAsync(string schemaFolder, int port, CancellationToken token)
    {
        var store = new RegistryStore(SchemaCatalog.Load(schemaFolder));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
            kestrel.Limits.MaxConcurrentConnections = 1000;
            kestrel.Listen(IPAddress.Loopback, port);
        });
        var application = builder.Build();
        application.Run(new RegistryRoutes(store).AnswerAsync);
        try
        {
            await application.StartAsync(token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new SetupException($"The schema registry can not listen on 127.0.0.1:{port}: {e.Message}", e);
        }

        return new RegistryServer(application, store);
    }

    public ValueTask DisposeAsync() => application.DisposeAsync();

    /// <summary>Signals and the end of the process are the caller's.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
