using System.Net;
using System.Net.Sockets;

namespace Stockflow.Chaos.Servers;

/// <summary>Ports that stay the same over a server's restarts. They lie below the range from which the system serves outgoing connections.</summary>
internal static class Ports
{
    private const int First = 12_000, Last = 31_999;

    public static int Free()
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var port = Random.Shared.Next(First, Last + 1);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken; try another.
            }
        }

        throw new InvalidOperationException($"No free port from {First} to {Last} on 127.0.0.1.");
    }
}
