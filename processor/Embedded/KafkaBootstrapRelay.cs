using System.Net;
using System.Net.Sockets;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>
/// A fixed port in front of brokers whose ports the system chose. It passes bytes to the first broker that accepts; the
/// metadata that the client reads there names the brokers' own addresses, so records do not come through here.
/// </summary>
internal sealed class KafkaBootstrapRelay : IDisposable
{
    private readonly TcpListener listener;
    private readonly IPEndPoint[] brokers;
    private readonly CancellationTokenSource stop = new();

    /// <exception cref="SetupException">The port is taken.</exception>
    public KafkaBootstrapRelay(int port, string brokerAddresses)
    {
        brokers = [.. brokerAddresses.Split(',').Select(IPEndPoint.Parse)];
        listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
        }
        catch (SocketException taken)
        {
            throw new SetupException($"port {port} on 127.0.0.1 can not be used: {taken.Message}. Name another with --port.", taken);
        }

        Address = $"127.0.0.1:{port}";
        _ = AcceptAsync();
    }

    public string Address { get; }

    public void Dispose()
    {
        // Not disposed: relays that are ending still read the token.
        stop.Cancel();
        listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        var token = stop.Token;
        while (!token.IsCancellationRequested)
        {
            try
            {
                _ = RelayAsync(await listener.AcceptTcpClientAsync(token).ConfigureAwait(false), token);
            }
            catch (Exception end) when (end is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // That client went away before it was accepted; the next one is none of its business.
            }
        }
    }

    private async Task RelayAsync(TcpClient client, CancellationToken token)
    {
        using (client)
        using (var broker = new TcpClient { NoDelay = true })
        {
            client.NoDelay = true;
            try
            {
                await ConnectAsync(broker, token).ConfigureAwait(false);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(token);
                var there = client.GetStream().CopyToAsync(broker.GetStream(), either.Token);
                var back = broker.GetStream().CopyToAsync(client.GetStream(), either.Token);
                await Task.WhenAny(there, back).ConfigureAwait(false);
                await either.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(there, back).ConfigureAwait(false);
            }
            catch (Exception end) when (end is IOException or SocketException or OperationCanceledException)
            {
                // Either side closed, or every broker is down: closing the client tells it as a broker would.
            }
        }
    }

    private async Task ConnectAsync(TcpClient broker, CancellationToken token)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                await broker.ConnectAsync(brokers[i], token).ConfigureAwait(false);
                return;
            }
            catch (SocketException) when (i + 1 < brokers.Length)
            {
                // Down; the next one may be up.
            }
        }
    }
}
