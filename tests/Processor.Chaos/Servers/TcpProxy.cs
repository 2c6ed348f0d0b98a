using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Stockflow.Chaos.Servers;

/// <summary>Forwards TCP connections to a server on this machine, and delays, stalls or cuts them when asked to.</summary>
internal sealed class TcpProxy : IDisposable
{
    private static readonly TimeSpan StallPoll = TimeSpan.FromMilliseconds(20);
    private readonly TcpListener listener;
    private readonly Func<int> target;
    private readonly ConcurrentDictionary<Link, bool> links = new();
    private readonly CancellationTokenSource stop = new();
    private int answersToCut;

    /// <summary>Begins to listen; the target port is asked for at every connection.</summary>
    public TcpProxy(Func<int> target)
    {
        this.target = target;
        Port = Ports.Free();
        listener = new TcpListener(IPAddress.Loopback, Port);
        listener.Start();
        _ = Task.Run(AcceptAsync);
    }

    public int Port { get; }

    /// <summary>Each chunk waits this long in each direction.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Nothing passes, and connections stay open.</summary>
    public bool IsStalled { get; set; }

    /// <summary>New connections are closed at once.</summary>
    public bool IsRefusing { get; set; }

    /// <summary>Of the next answers only the first half passes, and then the connection is cut: the caller can not know the outcome.</summary>
    public void CutAnswers(int count) => Interlocked.Exchange(ref answersToCut, count);

    /// <summary>Cuts every connection that is open.</summary>
    public void Cut()
    {
        foreach (var link in links.Keys)
        {
            link.Close();
        }
    }

    /// <summary>Ends every fault.</summary>
    public void Heal()
    {
        Delay = TimeSpan.Zero;
        IsStalled = IsRefusing = false;
        CutAnswers(0);
    }

    public void Dispose()
    {
        stop.Cancel();
        listener.Dispose();
        Cut();
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var token = stop.Token;
        while (!token.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptSocketAsync(token);
                _ = ForwardAsync(client, token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                // Asked to stop, or a client that left before it was accepted.
            }
        }
    }

    private async Task ForwardAsync(Socket client, CancellationToken token)
    {
        var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var link = new Link(client, server);
        links[link] = true;
        try
        {
            client.NoDelay = true;
            if (!IsRefusing)
            {
                await server.ConnectAsync(IPAddress.Loopback, target(), token);
                await Task.WhenAny(PumpAsync(client, server, isAnswer: false, token), PumpAsync(server, client, isAnswer: true, token));
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The server is away: the client sees a closed connection.
        }
        finally
        {
            link.Close();
            links.TryRemove(link, out _);
        }
    }

    private async Task PumpAsync(Socket from, Socket to, bool isAnswer, CancellationToken token)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (await from.ReceiveAsync(buffer, token) is > 0 and var read)
            {
                if (Delay > TimeSpan.Zero)
                {
                    await Task.Delay(Delay, token);
                }

                while (IsStalled)
                {
                    await Task.Delay(StallPoll, token);
                }

                if (isAnswer && Volatile.Read(ref answersToCut) > 0 && Interlocked.Decrement(ref answersToCut) >= 0)
                {
                    await to.SendAsync(buffer.AsMemory(0, read / 2), token);
                    return;
                }

                for (var sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), token);
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side has gone; the other is closed with it.
        }
    }

    private sealed class Link(Socket client, Socket server)
    {
        public void Close()
        {
            client.Close();
            server.Close();
        }
    }
}
