using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.IntegrationTests.Position;

public sealed class RedisTlsTests
{
    [Fact]
    public async Task Only_a_Redis_of_the_named_authority_under_its_own_name_is_trusted()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-tls-").FullName;
        using var authority = Authority("one");
        using var other = Authority("other");
        var (authorityFile, otherFile) = (Path.Combine(folder, "ca.pem"), Path.Combine(folder, "other.pem"));
        await File.WriteAllTextAsync(authorityFile, authority.ExportCertificatePem());
        await File.WriteAllTextAsync(otherFile, other.ExportCertificatePem());

        await using (var good = await StartAsync(authority, IPAddress.Loopback, folder))
        {
            await CheckAsync(good.Port, authorityFile);
            await Assert.ThrowsAsync<StoreUnavailableException>(() => CheckAsync(good.Port, otherFile));
            await Assert.ThrowsAsync<StoreUnavailableException>(() => CheckAsync(good.Port, null));
        }

        await using var elsewhere = await StartAsync(authority, IPAddress.Parse("127.0.0.2"), folder);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => CheckAsync(elsewhere.Port, authorityFile));
        Directory.Delete(folder, recursive: true);
    }

    private static async Task CheckAsync(int port, string? authorityFile)
    {
        await using var store = new RedisPositionStore(new PositionOptions { Connection = $"127.0.0.1:{port}", Tls = true, CaFile = authorityFile }, TimeProvider.System);
        await store.CheckAsync(CancellationToken.None);
    }

    private static async Task<TlsRedis> StartAsync(X509Certificate2 authority, IPAddress address, string folder)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=redis", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, [1, 2, 3, 4]);
        var (certificateFile, keyFile) = (Path.Combine(folder, address + ".crt"), Path.Combine(folder, address + ".key"));
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        return new TlsRedis(port, await RedisProcess.StartAsync(new RedisProcessOptions
        {
            Arguments = ["--tls-port", $"{port}", "--tls-cert-file", certificateFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no"],
        }));
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private sealed record TlsRedis(int Port, RedisProcess Redis) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Redis.DisposeAsync();
    }
}
