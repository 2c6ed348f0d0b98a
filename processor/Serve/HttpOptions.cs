using System.Net;
using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>Settings of the HTTP API.</summary>
/// <param name="Urls">Addresses to listen on, separated by semicolons; port 0 takes a free one. <c>https</c> needs a certificate.</param>
/// <param name="CertificateFile">PEM or PKCS#12 (.pfx, .p12) file.</param>
/// <param name="CertificateKeyFile">PEM file of the private key, where the certificate's file has none.</param>
/// <param name="CertificatePasswordFile">File whose first line opens the key.</param>
/// <param name="ApiKeyFile">File of keys, <c>KEY</c> or <c>NAME KEY</c> a line, <c>#</c> for comments; /v1 then wants <c>Authorization: Bearer KEY</c>. Read at start.</param>
/// <param name="MaxRequestBytes">Largest request body.</param>
/// <param name="RequestTimeoutSeconds">Time to answer one request.</param>
/// <param name="MaxConnections">Connections open at once.</param>
/// <param name="RequestsPerSecond">Requests a second of one key, or of one address without a key; 0 sets no bound.</param>
/// <param name="RequestBurst">Requests of one caller that may come at once after a pause; 0 takes <paramref name="RequestsPerSecond"/>.</param>
/// <param name="ConcurrentRequests">Requests of all callers that are answered at once; 0 sets no bound.</param>
public sealed record HttpOptions(
    string Urls = "http://127.0.0.1:8080",
    string? CertificateFile = null,
    string? CertificateKeyFile = null,
    string? CertificatePasswordFile = null,
    string? ApiKeyFile = null,
    long MaxRequestBytes = 64 * 1024,
    double RequestTimeoutSeconds = 10,
    int MaxConnections = 1000,
    int RequestsPerSecond = 50_000,
    int RequestBurst = 0,
    int ConcurrentRequests = 2000)
{
    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        foreach (var url in Addresses())
        {
            if (url.Scheme is not ("http" or "https") || url.AbsolutePath != "/")
            {
                throw new SetupException($"http.urls holds '{url}'; each must look like http://HOST:PORT");
            }

            if (url.Scheme == "https" && CertificateFile is null)
            {
                throw new SetupException($"http.urls holds '{url}' but http.certificate-file is not set");
            }
        }

        foreach (var (name, file) in new[]
                 {
                     ("http.certificate-file", CertificateFile), ("http.certificate-key-file", CertificateKeyFile),
                     ("http.certificate-password-file", CertificatePasswordFile), ("http.api-key-file", ApiKeyFile),
                 })
        {
            if (file is not null && !File.Exists(file))
            {
                throw new SetupException($"{name} names '{file}', which does not exist");
            }
        }

        Range("http.max-request-bytes", MaxRequestBytes, 0, 1 << 30);
        Range("http.request-timeout-seconds", RequestTimeoutSeconds, 0.01, 3600);
        Range("http.max-connections", MaxConnections, 1, 1_000_000);
        Range("http.requests-per-second", RequestsPerSecond, 0, 10_000_000);
        Range("http.request-burst", RequestBurst, 0, 10_000_000);
        Range("http.concurrent-requests", ConcurrentRequests, 0, 1_000_000);
    }

    internal IReadOnlyList<Uri> Addresses()
    {
        var addresses = new List<Uri>();
        foreach (var text in Urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            addresses.Add(Uri.TryCreate(text.Replace("://*", "://0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var url)
                ? url
                : throw new SetupException($"http.urls holds '{text}'; each must look like http://HOST:PORT"));
        }

        return addresses.Count > 0 ? addresses : throw new SetupException("http.urls is empty; it must hold an address such as http://127.0.0.1:8080");
    }

    internal static IPAddress Address(Uri url) =>
        url.Host is "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) ? address
        : throw new SetupException($"http.urls holds '{url}'; the host must be an IP address, localhost or *");

    private static void Range(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
        {
            throw new SetupException(FormattableString.Invariant($"{name} is {value}; it must be from {least} to {most}"));
        }
    }
}
