using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Stockflow.Embedded;

/// <summary>One HTTP request in ClickHouse's terms: the query, its parameters and settings. Credentials are checked here.</summary>
public sealed class ChdbRequest
{
    /// <summary>Parameters of the real server that this one has no use for, and that change nothing a client can see.</summary>
    private static readonly HashSet<string> Accepted = new(StringComparer.Ordinal)
    {
        "quota_key", "stacktrace", "buffer_size", "wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "http_response_buffer_size", "http_write_exception_in_output_format", "user", "password",
    };

    private static readonly HashSet<string> Refused = new(StringComparer.Ordinal)
    {
        "session_id", "session_timeout", "session_check", "compress", "decompress", "role", "client_protocol_version", "close_session",
    };

    private ChdbRequest()
    {
    }

    public string Query { get; private set; } = "";

    public string? Database { get; private set; }

    /// <summary>default_format or X-ClickHouse-Format.</summary>
    public string? Format { get; private set; }

    public string QueryId { get; private set; } = "";

    public bool CompressResponse { get; private set; }

    public List<KeyValuePair<string, string>> Parameters { get; } = [];

    public List<KeyValuePair<string, string>> Settings { get; } = [];

    /// <exception cref="ChdbException">Credentials, a parameter or a setting are refused.</exception>
    public static ChdbRequest Read(HttpRequest http, ChdbServerOptions options, IReadOnlySet<string> settingNames)
    {
        Authenticate(http, options);
        if (http.Headers.ContainsKey("Origin") && !IsOwnOrigin(http))
        {
            throw ChdbException.Of(ChdbError.AuthenticationFailed, "AUTHENTICATION_FAILED", "a web page of another origin may not use this server");
        }

        var request = new ChdbRequest();
        foreach (var (name, values) in http.Query)
        {
            request.Take(name, values[^1] ?? "", settingNames);
        }

        if (http.Headers.TryGetValue("X-ClickHouse-Database", out var database))
        {
            request.Database ??= database;
        }

        if (http.Headers.TryGetValue("X-ClickHouse-Format", out var format))
        {
            request.Format = format;
        }

        if (request.QueryId.Length == 0)
        {
            request.QueryId = Guid.NewGuid().ToString();
        }

        request.CompressResponse &= http.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        if (HttpMethods.IsGet(http.Method) && !request.Settings.Exists(setting => setting.Key == "readonly"))
        {
            // As in ClickHouse: GET reads, it never changes anything.
            request.Settings.Add(new("readonly", "2"));
        }

        return request;
    }

    private static bool IsOwnOrigin(HttpRequest http) =>
        Uri.TryCreate(http.Headers.Origin, UriKind.Absolute, out var origin) && origin.Authority == http.Host.Value;

    private static void Authenticate(HttpRequest http, ChdbServerOptions options)
    {
        if (options.Password is null)
        {
            return;
        }

        string user = http.Query["user"].ToString(), password = http.Query["password"].ToString();
        if (http.Headers.TryGetValue("X-ClickHouse-User", out var userHeader))
        {
            (user, password) = (userHeader.ToString(), http.Headers["X-ClickHouse-Key"].ToString());
        }
        else if (http.Headers.Authorization.ToString() is { } basic && basic.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            var decoded = new byte[basic.Length];
            if (Convert.TryFromBase64String(basic[6..].Trim(), decoded, out var length)
                && Encoding.UTF8.GetString(decoded, 0, length).Split(':', 2) is [var name, var secret])
            {
                (user, password) = (name, secret);
            }
        }

        // Both are compared in full, by hash, so that the time tells nothing of where they differ.
        if (!(Same(user.Length == 0 ? "default" : user, options.User) & Same(password, options.Password)))
        {
            throw ChdbException.Of(ChdbError.AuthenticationFailed, "AUTHENTICATION_FAILED",
                $"{(user.Length == 0 ? "default" : user)}: Authentication failed: password is incorrect, or there is no user with such name.");
        }
    }

    private static bool Same(string given, string expected) => CryptographicOperations.FixedTimeEquals(
        SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(expected)));

    private void Take(string name, string value, IReadOnlySet<string> settingNames)
    {
        switch (name)
        {
            case "query":
                Query = value;
                break;
            case "database":
                Database = value;
                break;
            case "default_format":
                Format ??= value;
                break;
            case "query_id":
                QueryId = value.Length <= 128 && value.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or ':')
                    ? value
                    : throw ChdbException.Of(ChdbError.BadArguments, "BAD_ARGUMENTS", "query_id: up to 128 letters, digits and - _ . :");
                break;
            case "enable_http_compression":
                CompressResponse = value is "1" or "true";
                break;
            case var _ when name.StartsWith("param_", StringComparison.Ordinal):
                Parameters.Add(new(name[6..], value));
                break;
            case var _ when Refused.Contains(name):
                if (value is not ("" or "0"))
                {
                    throw ChdbException.Of(ChdbError.NotImplemented, "NOT_IMPLEMENTED", $"The embedded ClickHouse has no '{name}'");
                }

                break;
            case var _ when Accepted.Contains(name):
                break;
            case var _ when settingNames.Contains(name):
                Settings.Add(new(name, value));
                break;
            default:
                throw ChdbException.Of(ChdbError.UnknownSetting, "UNKNOWN_SETTING", $"Setting {name} is neither a builtin setting nor started with the prefix 'SQL_' registered for user-defined settings");
        }
    }
}
