using System.Net.Sockets;

namespace Stockflow.Model;

/// <summary>
/// Makes of each connection that could not be had an <see cref="HttpRequestException"/>, for which callers look. SocketsHttpHandler of .NET 10
/// asks for the peer's address right after it has connected; where the peer has reset the connection by then, a bare
/// <see cref="SocketException"/> comes out.
/// </summary>
internal sealed class ConnectFailureHandler(HttpMessageHandler? inner = null) : DelegatingHandler(inner ?? new SocketsHttpHandler())
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message, e);
        }
    }
}
