using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>
/// The keys that open /v1, a line each: <c>KEY</c>, or <c>NAME KEY</c> to tell callers apart. Several may hold at once, also under one name, so
/// that a key can be changed without an outage. A key without a name is called <c>key-1</c>, <c>key-2</c>, ... by its place among the keys.
/// </summary>
internal sealed partial class ApiKeys
{
    private const int MinimumLength = 16;
    private readonly List<(string Name, byte[] Hash)> keys = [];

    /// <exception cref="SetupException">The file holds no key, or a line that can not be one; no message holds a key.</exception>
    public ApiKeys(string file)
    {
        var number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 0 && words[0][0] != '#')
            {
                Add(words, $"http.api-key-file '{file}', line {number},");
            }
        }

        if (keys.Count == 0)
        {
            throw new SetupException($"http.api-key-file '{file}' holds no key");
        }
    }

    /// <summary>The name of the key in an <c>Authorization</c> header; null if it is none of the keys.</summary>
    public string? Find(string? authorization)
    {
        const string scheme = "Bearer ";
        return authorization is not null && authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
            ? FindKey(authorization[scheme.Length..].Trim())
            : null;
    }

    /// <summary>The name of a key; null if it is none of the keys.</summary>
    public string? FindKey(string key)
    {
        // Hashes have one length, and every key is compared: time tells nothing about a key.
        var given = Hash(key);
        string? found = null;
        foreach (var (name, hash) in keys)
        {
            found = CryptographicOperations.FixedTimeEquals(given, hash) ? name : found;
        }

        return found;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex Name();

    private void Add(string[] words, string place)
    {
        var name = words.Length == 1 ? $"key-{keys.Count + 1}" : words[0];
        var key = words[^1];
        SetupException.ThrowIf(words.Length > 2, $"{place} has {words.Length} words; it must be KEY or NAME KEY");
        SetupException.ThrowIf(!Name().IsMatch(name), $"{place} has a name that is not 1 to 64 of letters, digits, '.', '_' and '-'");
        SetupException.ThrowIf(name == Caller.Anonymous, $"{place} has the name '{name}', which callers without a key have");
        SetupException.ThrowIf(key.Length < MinimumLength, $"{place} holds a key of {key.Length} characters; {MinimumLength} is the least");
        var hash = Hash(key);
        SetupException.ThrowIf(keys.Exists(other => other.Hash.AsSpan().SequenceEqual(hash)), $"{place} holds a key that stands in an earlier line too");
        keys.Add((name, hash));
    }
}
