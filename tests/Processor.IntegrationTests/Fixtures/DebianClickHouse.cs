using System.Net;
using System.Net.Sockets;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>Debian's clickhouse-server 18.16 on a free port of 127.0.0.1: old, but a real server's HTTP interface.</summary>
public sealed class DebianClickHouse : IAsyncDisposable
{
    private const string Program = "/usr/sbin/clickhouse-server";

    private readonly string folder = Directory.CreateTempSubdirectory("stockflow-debian-clickhouse-").FullName;
    private ServerProcess? server;

    private DebianClickHouse()
    {
    }

    /// <summary>Why the tests that need it can not run, or null.</summary>
    public static string? Missing => File.Exists(Program) ? null : $"{Program} is missing: run ./eng/setup";

    public Uri Url { get; private set; } = null!;

    /// <summary>Starts it with the given password for the user default, and waits until it answers.</summary>
    public static async Task<DebianClickHouse> StartAsync(string password)
    {
        var clickHouse = new DebianClickHouse();
        try
        {
            await clickHouse.LaunchAsync(password);
            return clickHouse;
        }
        catch
        {
            await clickHouse.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client that sends no setting which 18.16 does not know.</summary>
    public ClickHouseClient Client(Func<ClickHouseOptions, ClickHouseOptions> change) =>
        new(change(new ClickHouseOptions { Url = Url, Database = "default", Settings = new Dictionary<string, string>() }));

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(folder, recursive: true);
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task LaunchAsync(string password)
    {
        var port = FreePort();
        Url = new Uri($"http://127.0.0.1:{port}");
        await File.WriteAllTextAsync(Path.Combine(folder, "config.xml"), $"""
            <yandex>
              <logger><level>warning</level><console>true</console></logger>
              <http_port>{port}</http_port><tcp_port>{FreePort()}</tcp_port><interserver_http_port>{FreePort()}</interserver_http_port>
              <listen_host>127.0.0.1</listen_host>
              <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><format_schema_path>{folder}/schemas/</format_schema_path>
              <mark_cache_size>5368709120</mark_cache_size>
              <users_config>{folder}/config.xml</users_config>
              <default_profile>default</default_profile><default_database>default</default_database>
              <profiles><default/></profiles><quotas><default/></quotas>
              <users><default><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
            </yandex>
            """);
        server = ServerProcess.Start(Program, ["--config-file", Path.Combine(folder, "config.xml")]);
        using var http = new HttpClient(new ConnectFailureHandler());
        // Asked for by connecting: the old server prints no line when it is ready.
        for (var left = 600; ; left--)
        {
            try
            {
                await http.GetStringAsync(Url);
                return;
            }
            catch (HttpRequestException) when (left > 0 && server.IsRunning)
            {
                await Task.Delay(100);
            }
            catch (HttpRequestException)
            {
                throw new InvalidOperationException($"{Program} did not start. Its output:\n{server.Output}");
            }
        }
    }
}

/// <summary>A test that is skipped, with the reason, where Debian's clickhouse-server is not installed.</summary>
public sealed class DebianClickHouseFactAttribute : Xunit.FactAttribute
{
    public DebianClickHouseFactAttribute() => Skip = DebianClickHouse.Missing;
}
