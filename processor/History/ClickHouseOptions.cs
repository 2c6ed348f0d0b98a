using Stockflow.Model;

namespace Stockflow.History;

/// <summary>How to reach ClickHouse.</summary>
public sealed record ClickHouseOptions
{
    /// <summary>Address of the HTTP interface, http or https, without credentials, path or query.</summary>
    public Uri Url { get; init; } = new("http://127.0.0.1:8123");

    public string Database { get; init; } = "stockflow";

    public string User { get; init; } = "default";

    /// <summary>Sent as a header, never in an address or a log.</summary>
    public string Password { get; init; } = "";

    /// <summary>File whose first line is the password; it wins over <see cref="Password"/>.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>The password to send, whichever way it was given.</summary>
    public string Secret => PasswordFile is null ? Password : File.ReadLines(PasswordFile).FirstOrDefault() ?? "";

    /// <summary>True to send and receive gzip: worth it across a network, not on one machine.</summary>
    public bool Gzip { get; init; }

    /// <summary>Longest wait for a TCP or TLS connection.</summary>
    public int ConnectTimeoutSeconds { get; init; } = 5;

    /// <summary>Longest wait for the answer's first byte, inserts' bodies included.</summary>
    public int RequestTimeoutSeconds { get; init; } = 300;

    /// <summary>Retries of transient faults after the first attempt.</summary>
    public int MaxRetries { get; init; } = 6;

    public double RetryFirstMilliseconds { get; init; } = 100;

    public double RetryLongestMilliseconds { get; init; } = 10_000;

    /// <summary>PEM file with the certificate authority to trust for https; null for those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>
    /// Settings sent with every request. The defaults let an import of many years' events fill all their months at once, leave rows that an
    /// insert repeats to the merges, which look at them anyway, and write the ledger's copies beside it instead of one after the other.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>
    {
        ["max_partitions_per_insert_block"] = "0",
        ["optimize_on_insert"] = "0",
        ["parallel_view_processing"] = "1",
    };

    /// <exception cref="SetupException">A value is out of its range.</exception>
    public void Validate()
    {
        Check(Url is { IsAbsoluteUri: true, Scheme: "http" or "https" }, "url", "must be an address with http:// or https://");
        Check(Url.UserInfo.Length == 0 && Url.Query.Length == 0, "url", "must hold no credentials and no query; use user and password");
        Check(Database.Length > 0, "database", "must not be empty");
        Check(ConnectTimeoutSeconds > 0, "connectTimeoutSeconds", "must be above 0");
        Check(RequestTimeoutSeconds > 0, "requestTimeoutSeconds", "must be above 0");
        Check(MaxRetries is >= 0 and <= 100, "maxRetries", "must be between 0 and 100");
        Check(RetryFirstMilliseconds > 0 && RetryLongestMilliseconds >= RetryFirstMilliseconds, "retryFirstMilliseconds", "must be above 0 and not above retryLongestMilliseconds");
        Check(PasswordFile is null || File.Exists(PasswordFile), "passwordFile", $"file {PasswordFile} not found");
        Check(CaFile is null || Url.Scheme == "https", "caFile", "needs an https:// url");
        Check(CaFile is null || File.Exists(CaFile), "caFile", $"file {CaFile} not found");
    }

    private static void Check(bool holds, string field, string problem)
    {
        if (!holds)
        {
            throw new SetupException($"clickhouse.{field}: {problem}");
        }
    }
}
