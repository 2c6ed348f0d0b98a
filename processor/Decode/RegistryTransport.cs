using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>One answer of the registry: its status, and the body or the error.</summary>
internal readonly record struct RegistryAnswer(HttpStatusCode Status, byte[] Body, RegistryError? Error);

/// <summary>HTTP to a registry: addresses in turn, time limits, retries, authentication. Anything that is not an answer of a registry is "unavailable".</summary>
internal sealed class RegistryTransport : IDisposable
{
    private const string MediaType = "application/vnd.schemaregistry.v1+json";
    private const int MaximumBody = 8 * 1024 * 1024;
    private readonly HttpClient client;
    private readonly IReadOnlyList<Uri> addresses;
    private readonly SchemaRegistryOptions options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private int current;

    public RegistryTransport(SchemaRegistryOptions options, TimeProvider time, ILogger logger)
    {
        options.Validate();
        (this.options, this.time, this.logger) = (options, time, logger);
        addresses = options.Addresses();
        client = new HttpClient(new ConnectFailureHandler(Handler(options.CaFile))) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MaximumBody };
        client.DefaultRequestHeaders.Authorization = Authorization();
        client.DefaultRequestHeaders.Accept.ParseAdd($"{MediaType}, application/json;q=0.5");
    }

    public void Dispose() => client.Dispose();

    /// <summary>Sends until a registry answers; <paramref name="path"/> is relative and already escaped.</summary>
    /// <exception cref="StoreUnavailableException">No registry answered, or it refuses the credentials.</exception>
    public async Task<RegistryAnswer> SendAsync(HttpMethod method, string path, byte[]? body, CancellationToken token)
    {
        var reason = "";
        for (var attempt = 1; attempt <= options.Tries; attempt++)
        {
            if (attempt > 1)
            {
                var wait = options.BackoffMilliseconds * Math.Pow(2, attempt - 2) * (0.5 + Random.Shared.NextDouble());
                await Task.Delay(TimeSpan.FromMilliseconds(wait), time, token).ConfigureAwait(false);
            }

            var address = addresses[(int)((uint)Volatile.Read(ref current) % addresses.Count)];
            try
            {
                var answer = await TryAsync(method, new Uri(address, path), body, token).ConfigureAwait(false);
                reason = Refusal(answer);
                if (reason.Length == 0)
                {
                    return answer;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !token.IsCancellationRequested))
            {
                reason = e is OperationCanceledException ? $"no answer within {options.TimeoutSeconds} s" : Innermost(e);
            }

            logger.RegistryUnreachable(address.ToString(), attempt, reason);
            Interlocked.Increment(ref current);
        }

        Metrics.RegistryRequests.Add(1, new KeyValuePair<string, object?>("outcome", "unreachable"));
        throw new StoreUnavailableException($"The schema registry at {options.Urls} does not serve: {reason}");
    }

    private async Task<RegistryAnswer> TryAsync(HttpMethod method, Uri address, byte[]? body, CancellationToken token)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(options.TimeoutSeconds), time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(token, limit.Token);
        using var request = new HttpRequestMessage(method, address);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(MediaType) } };
        }

        using var response = await client.SendAsync(request, both.Token).ConfigureAwait(false);
        var content = await response.Content.ReadAsByteArrayAsync(both.Token).ConfigureAwait(false);
        return new RegistryAnswer(response.StatusCode, content, response.IsSuccessStatusCode ? null : ReadError(content));
    }

    /// <summary>Why an answer is not a registry's word on the question; empty if it is.</summary>
    private static string Refusal(RegistryAnswer answer) => answer.Status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => $"it refuses the credentials ({(int)answer.Status})",
        HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError =>
            $"status {(int)answer.Status} {answer.Error?.Message}".TrimEnd(),
        // A proxy or a wrong path also says 404, and must not turn good records into dead letters.
        >= HttpStatusCode.BadRequest when answer.Error is null => $"status {(int)answer.Status} without a registry's error code; check the address",
        >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest => $"it redirects ({(int)answer.Status}); check the address",
        _ => "",
    };

    private static RegistryError? ReadError(byte[] content)
    {
        try
        {
            return JsonSerializer.Deserialize(content, RegistryClientJson.Default.RegistryError) is { ErrorCode: > 0 } error ? error : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private AuthenticationHeaderValue? Authorization()
    {
        if ((options.UserInfo ?? FirstLine(options.UserInfoFile)) is { } user)
        {
            return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(user)));
        }

        return (options.BearerToken ?? FirstLine(options.BearerTokenFile)) is { } bearer ? new AuthenticationHeaderValue("Bearer", bearer) : null;
    }

    private static string? FirstLine(string? file) => file is null ? null : File.ReadLines(file).FirstOrDefault()?.Trim();

    private static string Innermost(Exception e) => e.GetBaseException().Message;

    private static SocketsHttpHandler Handler(string? caFile)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.All,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (caFile is not null)
        {
            handler.SslOptions.CertificateChainPolicy = OwnAuthorities.Policy(caFile, "registry.ca-file");
        }

        return handler;
    }
}
