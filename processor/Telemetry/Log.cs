namespace Stockflow.Telemetry;

/// <summary>
/// Every log event. Ids are unique and stable, for people who search by them: 1xx process, 2xx source, 3xx decode and registry,
/// 4xx dedupe and positions, 5xx history, 6xx HTTP, 7xx embedded parts.
/// </summary>
public static partial class Log
{
    [LoggerMessage(301, LogLevel.Warning, "Schema registry {Url} does not answer, try {Attempt}: {Reason}")]
    public static partial void RegistryUnreachable(this ILogger logger, string url, int attempt, string reason);

    [LoggerMessage(302, LogLevel.Information, "Schema {Id} fetched from the registry")]
    public static partial void SchemaFetched(this ILogger logger, int id);

    [LoggerMessage(303, LogLevel.Warning, "The schema registry has no schema {Id}")]
    public static partial void SchemaAbsent(this ILogger logger, int id);

    [LoggerMessage(304, LogLevel.Warning, "Schema {Id} of the registry can not be used: {Reason}")]
    public static partial void SchemaUnusable(this ILogger logger, int id, string reason);

    [LoggerMessage(601, LogLevel.Information, "HTTP API listens on {Urls}")]
    public static partial void HttpListening(this ILogger logger, string urls);

    [LoggerMessage(602, LogLevel.Error, "Request {Method} {Route} failed")]
    public static partial void HttpFailed(this ILogger logger, Exception error, string method, string route);

    [LoggerMessage(603, LogLevel.Warning, "Position store did not answer a request: {Reason}")]
    public static partial void HttpStoreUnavailable(this ILogger logger, string reason);

    [LoggerMessage(701, LogLevel.Information, "Schema registry listens on {Url} with {Count} schemas")]
    public static partial void RegistryListening(this ILogger logger, string url, int count);
}
