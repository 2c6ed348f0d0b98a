using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Stockflow.Chaos.Servers;

/// <summary>Just enough of the Redis protocol (RESP2) to look at a server and to tamper with it. Not thread-safe.</summary>
internal sealed class RespClient : IDisposable
{
    private readonly TcpClient client = new() { ReceiveTimeout = 10_000, SendTimeout = 10_000 };
    private readonly BufferedStream stream;

    public RespClient(int port)
    {
        client.Connect(IPAddress.Loopback, port);
        stream = new BufferedStream(client.GetStream(), 1 << 16);
    }

    /// <summary>Sends a command of strings and byte arrays.</summary>
    /// <returns>A string (status), long, byte[], object?[] or null.</returns>
    /// <exception cref="IOException">The server is away or answers with an error.</exception>
    public object? Call(params object[] words)
    {
        stream.Write(Encoding.ASCII.GetBytes($"*{words.Length}\r\n"));
        foreach (var word in words)
        {
            var bytes = word as byte[] ?? Encoding.UTF8.GetBytes(Convert.ToString(word, CultureInfo.InvariantCulture)!);
            stream.Write(Encoding.ASCII.GetBytes($"${bytes.Length}\r\n"));
            stream.Write(bytes);
            stream.Write("\r\n"u8);
        }

        stream.Flush();
        return Read();
    }

    public string? Text(params object[] words) => Call(words) is byte[] bytes ? Encoding.UTF8.GetString(bytes) : null;

    public void Dispose()
    {
        stream.Dispose();
        client.Dispose();
    }

    private object? Read()
    {
        var line = Line();
        var rest = line[1..];
        switch (line[0])
        {
            case '+':
                return rest;
            case '-':
                throw new IOException("Redis: " + rest);
            case ':':
                return long.Parse(rest, CultureInfo.InvariantCulture);
            case '$':
                var length = int.Parse(rest, CultureInfo.InvariantCulture);
                if (length < 0)
                {
                    return null;
                }

                var bytes = new byte[length];
                stream.ReadExactly(bytes);
                stream.ReadByte();
                stream.ReadByte();
                return bytes;
            case '*':
                var count = int.Parse(rest, CultureInfo.InvariantCulture);
                var items = new object?[Math.Max(0, count)];
                for (var i = 0; i < items.Length; i++)
                {
                    items[i] = Read();
                }

                return items;
            default:
                throw new IOException($"Redis answers with '{line}'.");
        }
    }

    private string Line()
    {
        var text = new StringBuilder();
        while (true)
        {
            var next = stream.ReadByte();
            switch (next)
            {
                case < 0:
                    throw new IOException("Redis closed the connection.");
                case '\r':
                    stream.ReadByte();
                    return text.ToString();
                default:
                    text.Append((char)next);
                    break;
            }
        }
    }
}
