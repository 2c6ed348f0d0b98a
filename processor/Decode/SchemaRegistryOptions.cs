using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>How to reach a Schema Registry.</summary>
/// <param name="Urls">Base addresses, separated by commas; the next is asked when one does not answer.</param>
/// <param name="UserInfo"><c>user:password</c> for basic authentication; better given by file or environment than by flag.</param>
/// <param name="UserInfoFile">File whose first line is <c>user:password</c>.</param>
/// <param name="BearerToken">Token for bearer authentication.</param>
/// <param name="BearerTokenFile">File whose first line is the token.</param>
/// <param name="CaFile">PEM file of the authorities to trust instead of the system's.</param>
/// <param name="TimeoutSeconds">Time for one try.</param>
/// <param name="Tries">Tries before a call fails as unavailable.</param>
/// <param name="BackoffMilliseconds">Wait after the first failed try; it doubles.</param>
/// <param name="MaxCachedSchemas">Schemas kept in memory.</param>
/// <param name="AbsentSeconds">How long "no such id" is believed.</param>
public sealed record SchemaRegistryOptions(
    string Urls,
    string? UserInfo = null,
    string? UserInfoFile = null,
    string? BearerToken = null,
    string? BearerTokenFile = null,
    string? CaFile = null,
    double TimeoutSeconds = 5,
    int Tries = 4,
    double BackoffMilliseconds = 100,
    int MaxCachedSchemas = 1000,
    double AbsentSeconds = 10)
{
    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        Addresses();
        if ((UserInfo ?? UserInfoFile) is not null && (BearerToken ?? BearerTokenFile) is not null)
        {
            throw new SetupException("registry.user-info and registry.bearer-token exclude each other");
        }

        foreach (var (name, file) in new[]
                 {
                     ("registry.user-info-file", UserInfoFile), ("registry.bearer-token-file", BearerTokenFile), ("registry.ca-file", CaFile),
                 })
        {
            if (file is not null && !File.Exists(file))
            {
                throw new SetupException($"{name} names '{file}', which does not exist");
            }
        }

        Positive("registry.timeout-seconds", TimeoutSeconds);
        Positive("registry.tries", Tries);
        Positive("registry.backoff-milliseconds", BackoffMilliseconds);
        Positive("registry.max-cached-schemas", MaxCachedSchemas);
        Positive("registry.absent-seconds", AbsentSeconds);
    }

    internal IReadOnlyList<Uri> Addresses()
    {
        var addresses = new List<Uri>();
        foreach (var text in Urls.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // The slash keeps a path such as /apis/ccompat/v7 when a relative address is put after it.
            addresses.Add(Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                ? url
                : throw new SetupException($"registry.urls holds '{text}'; each must look like http://HOST:PORT"));
        }

        return addresses.Count > 0 ? addresses : throw new SetupException("registry.urls is empty");
    }

    private static void Positive(string name, double value)
    {
        if (!(value > 0 && double.IsFinite(value)))
        {
            throw new SetupException(FormattableString.Invariant($"{name} is {value}; it must be above 0"));
        }
    }
}
