using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stockflow.Model;

/// <summary>Trust in the certificate authorities of a file and in no others.</summary>
internal static class OwnAuthorities
{
    /// <summary>How a server's certificate is judged by the authorities of a PEM file.</summary>
    /// <exception cref="SetupException">The file can not be read or holds no certificate; the message names <paramref name="setting"/>.</exception>
    public static X509ChainPolicy Policy(string file, string setting)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            ApplicationPolicy = { new Oid("1.3.6.1.5.5.7.3.1", "serverAuth") },
        };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new SetupException($"{setting} '{file}' can not be read: {e.Message}", e);
        }

        SetupException.ThrowIf(policy.CustomTrustStore.Count == 0, $"{setting} '{file}' holds no certificate");
        return policy;
    }
}
