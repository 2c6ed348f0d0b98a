using System.Diagnostics;
using System.Globalization;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Stockflow.Telemetry;

namespace Stockflow.Serve;

/// <summary>What surrounds every request: the key, the bounds on callers, the time limit, failures as problem details, and the request metrics.</summary>
internal sealed class RequestGuard(HttpOptions options, ApiKeys? keys, Admission admission, TimeProvider time, ILogger logger)
{
    private readonly TimeSpan timeout = TimeSpan.FromSeconds(options.RequestTimeoutSeconds);

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var start = time.GetTimestamp();
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers.CacheControl = "no-store";
        var caller = context.RequestAborted;

        // Who follows changes stays.
        using var limit = new CancellationTokenSource(context.Request.Path == AtpStream.Path ? Timeout.InfiniteTimeSpan : timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(caller, limit.Token);
        context.RequestAborted = both.Token;
        try
        {
            await AnswerAsync(context, next, limit.Token, caller).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (caller.IsCancellationRequested)
        {
            // The caller went away; there is nobody to answer.
        }
        finally
        {
            context.RequestAborted = caller;
            var route = Route(context);
            Metrics.HttpDuration.Record(time.GetElapsedTime(start).TotalSeconds, new KeyValuePair<string, object?>("route", route));
            Metrics.HttpRequests.Add(1, new TagList
            {
                { "route", route },
                { "status", context.Response.StatusCode.ToString(CultureInfo.InvariantCulture) },
            });
        }
    }

    private async Task AnswerAsync(HttpContext context, RequestDelegate next, CancellationToken limit, CancellationToken caller)
    {
        var name = keys?.Find(context.Request.Headers.Authorization);
        if (name is not null)
        {
            Caller.Set(context, name);
        }

        // Before the key is asked for, so that guessing keys has its bound too.
        using var entry = admission.Enter(context, name);
        if (!entry.IsAdmitted)
        {
            context.Response.Headers.RetryAfter = entry.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
            await Problems.WriteAsync(context, 429, "too-many-requests", $"There are more requests than are answered. Try again in {entry.RetryAfterSeconds} s.", caller).ConfigureAwait(false);
            return;
        }

        if (keys is not null && name is null && context.Request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await Problems.WriteAsync(context, 401, "unauthorized", "Send a key as 'Authorization: Bearer KEY'.", caller).ConfigureAwait(false);
            return;
        }

        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (StoreUnavailableException e)
        {
            logger.HttpStoreUnavailable(e.Message);
            await FailAsync(context, 503, "store-unavailable", "The position store does not answer. Try again.", caller).ConfigureAwait(false);
            return;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !caller.IsCancellationRequested)
        {
            await FailAsync(context, 503, "timeout", $"No answer within {options.RequestTimeoutSeconds} s. Try again.", caller).ConfigureAwait(false);
            return;
        }
        catch (BadHttpRequestException e)
        {
            await FailAsync(context, e.StatusCode, "bad-request", e.Message, caller).ConfigureAwait(false);
            return;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.HttpFailed(e, context.Request.Method, Route(context));
            await FailAsync(context, 500, "internal", "The request failed; the log tells why.", caller).ConfigureAwait(false);
            return;
        }

        if (!context.Response.HasStarted && context.Response is { StatusCode: 404 or 405, ContentType: null })
        {
            var (code, detail) = context.Response.StatusCode == 404
                ? ("no-such-path", "There is nothing at this path.")
                : ("method-not-allowed", "This path does not take this method.");
            await Problems.WriteAsync(context, context.Response.StatusCode, code, detail, caller).ConfigureAwait(false);
        }
    }

    private static async Task FailAsync(HttpContext context, int status, string code, string detail, CancellationToken token)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.Clear();
        if (status == 503)
        {
            context.Response.Headers.RetryAfter = "1";
        }

        await Problems.WriteAsync(context, status, code, detail, token).ConfigureAwait(false);
    }

    private static string Route(HttpContext context) =>
        (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "none";
}
