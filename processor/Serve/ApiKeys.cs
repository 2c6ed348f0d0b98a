using System.Security.Cryptography;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>The keys that open /v1. Several may hold at once, so that a key can be changed without an outage.</summary>
internal sealed class ApiKeys
{
    private const int MinimumLength = 16;
    private readonly List<byte[]> hashes = [];

    public ApiKeys(string file)
    {
        foreach (var line in File.ReadLines(file))
        {
            var key = line.Trim();
            if (key.Length == 0 || key[0] == '#')
            {
                continue;
            }

            if (key.Length < MinimumLength)
            {
                throw new SetupException($"http.api-key-file '{file}' holds a key of {key.Length} characters; {MinimumLength} is the least");
            }

            hashes.Add(Hash(key));
        }

        if (hashes.Count == 0)
        {
            throw new SetupException($"http.api-key-file '{file}' holds no key");
        }
    }

    public bool Accepts(string? authorization)
    {
        const string scheme = "Bearer ";
        if (authorization is null || !authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // Hashes have one length, and every key is compared: time tells nothing about a key.
        var given = Hash(authorization[scheme.Length..].Trim());
        var accepted = false;
        foreach (var hash in hashes)
        {
            accepted |= CryptographicOperations.FixedTimeEquals(given, hash);
        }

        return accepted;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
