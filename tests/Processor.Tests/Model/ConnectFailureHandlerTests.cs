using System.Net;
using System.Net.Sockets;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Model;

public sealed class ConnectFailureHandlerTests
{
    /// <summary>Without the handler one attempt in about forty ends with a bare SocketException.</summary>
    [Fact]
    public async Task A_server_that_resets_each_connection_is_one_that_can_not_be_asked()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var over = new CancellationTokenSource();
        var server = Task.Run(() => ResetAllAsync(listener, over.Token));
        using var client = new HttpClient(new ConnectFailureHandler());
        for (var i = 0; i < 1000; i++)
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri($"http://{listener.LocalEndpoint}/")));
        }

        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server);
    }

    private static async Task ResetAllAsync(TcpListener listener, CancellationToken token)
    {
        while (true)
        {
            using var connection = await listener.AcceptSocketAsync(token);
            connection.LingerState = new LingerOption(true, 0);
        }
    }
}
