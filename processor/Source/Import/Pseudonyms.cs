using System.Security.Cryptography;
using System.Text;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// Replaces a customer's id by the first 128 bits of its HMAC-SHA256: the same customer has the same pseudonym under the same key,
/// and nobody without the key can try out ids.
/// </summary>
public sealed class Pseudonyms
{
    /// <summary>The key of the demo, known to everybody: its pseudonyms protect nobody.</summary>
    public const string DemoKey = "stockflow-demo-key-that-protects-nobody";

    /// <summary>Characters of a key.</summary>
    public const int ShortestKey = 16;

    private const int Remembered = 64 * 1024;
    private readonly byte[] key;
    private readonly Dictionary<string, string> known = new(StringComparer.Ordinal);

    /// <exception cref="SetupException">The key is too short.</exception>
    public Pseudonyms(string key)
    {
        if (key.Length < ShortestKey)
        {
            throw new SetupException($"the key for pseudonyms has {key.Length} characters; it needs at least {ShortestKey}.");
        }

        this.key = Encoding.UTF8.GetBytes(key);
    }

    /// <summary>Tells keys apart without giving the key away.</summary>
    public string KeyId => Of("stockflow key id");

    public string Of(string value)
    {
        if (known.TryGetValue(value, out var pseudonym))
        {
            return pseudonym;
        }

        if (known.Count >= Remembered)
        {
            known.Clear();
        }

        pseudonym = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(value)).AsSpan(0, 16));
        known.Add(value, pseudonym);
        return pseudonym;
    }
}
