using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Decode;

public sealed class SchemaRegistryTlsTests
{
    [Fact]
    public async Task Only_a_registry_of_the_named_authority_is_trusted()
    {
        using var own = Certificate();
        using var other = Certificate();
        var folder = Directory.CreateTempSubdirectory("stockflow").FullName;
        var (ownFile, otherFile) = (Path.Combine(folder, "own.pem"), Path.Combine(folder, "other.pem"));
        await File.WriteAllTextAsync(ownFile, own.ExportCertificatePem());
        await File.WriteAllTextAsync(otherFile, other.ExportCertificatePem());

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listener => listener.UseHttps(own)));
        await using var registry = builder.Build();
        registry.Run(context => context.Response.WriteAsync("""{"schema":"\"string\""}"""));
        await registry.StartAsync();
        var url = registry.Urls.Single();

        using var trusting = new SchemaRegistryClient(new SchemaRegistryOptions(url, CaFile: ownFile));
        Assert.NotNull(await trusting.GetByIdAsync(1, CancellationToken.None));
        foreach (var file in new[] { otherFile, null })
        {
            using var wary = new SchemaRegistryClient(new SchemaRegistryOptions(url, CaFile: file, Tries: 1));
            await Assert.ThrowsAsync<StoreUnavailableException>(() => wary.GetByIdAsync(1, CancellationToken.None).AsTask());
        }
    }

    private static X509Certificate2 Certificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=registry.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
