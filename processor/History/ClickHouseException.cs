using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Stockflow.History;

/// <summary>ClickHouse refused a request or could not be reached. The message keeps the server's whole text.</summary>
public sealed partial class ClickHouseException : Exception
{
    /// <summary>Codes of faults that pass: timeouts, limits of the moment, network, replicas, shutdown.</summary>
    private static readonly FrozenSet<int> TransientCodes = new[]
    {
        3, // UNEXPECTED_END_OF_FILE
        159, // TIMEOUT_EXCEEDED
        173, // CANNOT_ALLOCATE_MEMORY
        198, // DNS_ERROR
        202, // TOO_MANY_SIMULTANEOUS_QUERIES
        203, // NO_FREE_CONNECTION
        209, // SOCKET_TIMEOUT
        210, // NETWORK_ERROR
        225, // NO_ZOOKEEPER
        236, // ABORTED
        241, // MEMORY_LIMIT_EXCEEDED
        242, // TABLE_IS_READ_ONLY
        243, // NOT_ENOUGH_SPACE
        252, // TOO_MANY_PARTS
        279, // ALL_CONNECTION_TRIES_FAILED
        285, // TOO_FEW_LIVE_REPLICAS
        286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319, // UNKNOWN_STATUS_OF_INSERT
        394, // QUERY_WAS_CANCELLED
        425, // SYSTEM_ERROR
        439, // CANNOT_SCHEDULE_TASK
        473, // DEADLOCK_AVOIDED
        745, // SERVER_OVERLOADED
        999, // KEEPER_EXCEPTION
    }.ToFrozenSet();

    private ClickHouseException(int code, string name, string message, bool isTransient, Exception? inner)
        : base(message, inner)
    {
        Code = code;
        Name = name;
        IsTransient = isTransient;
    }

    /// <summary>ClickHouse's code, 60 for an unknown table; 0 when no server answered or the answer was not ClickHouse's.</summary>
    public int Code { get; }

    /// <summary>The code's name, UNKNOWN_TABLE; empty where the text has none (servers before 20.x).</summary>
    public string Name { get; }

    /// <summary>True when the same request may succeed later.</summary>
    public bool IsTransient { get; }

    /// <summary>Makes an exception of an answer.</summary>
    /// <param name="status">HTTP status; 200 for an exception found in a body.</param>
    /// <param name="codeHeader">X-ClickHouse-Exception-Code, or null.</param>
    /// <param name="text">The body's text.</param>
    public static ClickHouseException Parse(HttpStatusCode status, string? codeHeader, string text)
    {
        var found = CodePattern().Match(text);
        var code = int.TryParse(codeHeader, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given
            : found.Success ? int.Parse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : 0;
        var names = NamePattern().Matches(text);
        // Without a code it is a proxy or a load balancer that speaks; of those only overload and unreachability pass.
        var transient = code != 0
            ? TransientCodes.Contains(code)
            : status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway
                or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
        var message = text.Trim();
        if (code == 0)
        {
            message = string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)status} without a ClickHouse error: {(message.Length == 0 ? status.ToString() : message)}");
        }

        return new ClickHouseException(code, names.Count == 0 ? "" : names[^1].Groups[1].Value, message, transient, null);
    }

    /// <summary>The server was not reached or the connection broke; what it did with the request is unknown.</summary>
    public static ClickHouseException Unreachable(Uri address, string reason, Exception? inner) =>
        new(0, "", $"ClickHouse at {address.GetLeftPart(UriPartial.Authority)}: {reason}", isTransient: true, inner);

    /// <summary>The answer can not be read as what was asked for.</summary>
    public static ClickHouseException Unreadable(string reason, Exception? inner = null) => new(0, "", reason, isTransient: false, inner);

    /// <summary>True when a body's text holds a ClickHouse exception.</summary>
    public static bool IsExceptionText(string text) => text.Contains("DB::Exception", StringComparison.Ordinal) && CodePattern().IsMatch(text);

    [GeneratedRegex(@"Code: (\d+)[.,]")]
    private static partial Regex CodePattern();

    [GeneratedRegex(@"\(([A-Z][A-Z0-9_]{2,})\)")]
    private static partial Regex NamePattern();
}
