using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Stockflow.Tests.Serve.Api;

/// <summary>Requests that no client library sends.</summary>
internal static class RawRequests
{
    /// <summary>A body whose length stands in no chunk.</summary>
    public static Task<ApiAnswer> BrokenAsync(ApiHost host, ApiRequest request) => SendAsync(host, request, "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n");

    /// <summary>A body of which only the beginning comes; the server waits some seconds for the rest.</summary>
    public static Task<ApiAnswer> SlowAsync(ApiHost host, ApiRequest request) => SendAsync(host, request, "Content-Length: 100\r\n\r\n{");

    private static async Task<ApiAnswer> SendAsync(ApiHost host, ApiRequest request, string rest)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(host.Address.Host, host.Address.Port);
        await using var stream = client.GetStream();
        var head = new StringBuilder($"{request.Method} {request.Target} HTTP/1.1\r\nHost: {host.Address.Authority}\r\nConnection: close\r\nContent-Type: application/json\r\n");
        foreach (var (name, value) in request.Headers)
        {
            head.Append(System.Globalization.CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        await stream.WriteAsync(Encoding.UTF8.GetBytes(head + rest));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var received = new MemoryStream();
        await stream.CopyToAsync(received, limit.Token);
        var text = Encoding.UTF8.GetString(received.ToArray());
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        using var response = new HttpResponseMessage();
        var type = text[..end].Split("\r\n").Select(line => line.Split(": ")).First(line => line[0] == "Content-Type")[1];
        return new ApiAnswer(int.Parse(text.Split(' ')[1]), MediaTypeHeaderValue.Parse(type).MediaType!, Encoding.UTF8.GetBytes(text[(end + 4)..]), response.Headers, TimeSpan.Zero, false);
    }
}
