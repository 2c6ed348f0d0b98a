using System.Text.Json;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Stockflow.Serve;

/// <summary>Writes problem details (RFC 9457).</summary>
internal static class Problems
{
    public static Task WriteAsync(HttpContext context, int status, string code, string detail, CancellationToken token)
    {
        context.Response.StatusCode = status;
        var problem = new ProblemPayload($"urn:stockflow:problem:{code}", Title(status), status, detail, code);
        return JsonAsync(context, JsonSerializer.SerializeToUtf8Bytes(problem, ServeJson.Default.ProblemPayload), "application/problem+json", token);
    }

    /// <summary>Gives the answer its ETag; whether the caller has that version already, which 304 says then.</summary>
    public static bool IsUnchanged(HttpContext context, string tag)
    {
        context.Response.Headers.ETag = tag;
        context.Response.Headers.CacheControl = "no-cache";
        if (!HasTag(context.Request.Headers.IfNoneMatch, tag, isStrong: false))
        {
            return false;
        }

        context.Response.StatusCode = 304;
        return true;
    }

    /// <summary>Whether a list of entity tags (RFC 9110, 13.1.1 and 13.1.2) holds one, or is "*". Weak tags are equal only where <paramref name="isStrong"/> is false.</summary>
    public static bool HasTag(StringValues list, string tag, bool isStrong) =>
        list.Count > 0 && EntityTagHeaderValue.TryParseList(list!, out var tags)
        && tags.Any(one => one.Equals(EntityTagHeaderValue.Any) || one.Compare(new EntityTagHeaderValue(tag), isStrong));

    public static async Task JsonAsync(HttpContext context, ReadOnlyMemory<byte> body, string contentType, CancellationToken token)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(body, token).ConfigureAwait(false);
        }
    }

    private static string Title(int status) => Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
}
