using System.Security.Cryptography;
using System.Text;

namespace Stockflow.Serve.Console;

/// <summary>
/// Protects forms against other sites: a form carries a token that follows from the visitor's cookie and session, which other sites can neither read nor
/// set. It needs no memory of its own, so any process answers a form of another one.
/// </summary>
internal static class FormToken
{
    public const string Field = "form_token";
    public const string Cookie = "stockflow-visitor";
    private const int CookieLength = 64;

    /// <summary>The visitor's cookie; made now where there is none.</summary>
    public static string Visitor(HttpContext context)
    {
        if (context.Request.Cookies[Cookie] is { Length: CookieLength } known)
        {
            return known;
        }

        var made = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(CookieLength / 2));
        context.Response.Cookies.Append(Cookie, made, Options(context, null));
        return made;
    }

    public static string Of(string visitor, string? session) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"stockflow form\n{visitor}\n{session}")));

    /// <summary>Whether a form was made by this console for this visitor.</summary>
    public static bool Fits(HttpContext context, string? session, string? token)
    {
        var request = context.Request;
        if (request.Cookies[Cookie] is not { Length: CookieLength } visitor || token is null)
        {
            return false;
        }

        // What browsers say about the sender. Older ones send the origin alone.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var origin = request.Headers.Origin.ToString();
        var isOwn = site.Length > 0
            ? site == "same-origin"
            : origin.Length == 0 || (Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
        return isOwn && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Of(visitor, session)), Encoding.UTF8.GetBytes(token));
    }

    /// <summary>Cookies that scripts do not see and other sites do not send.</summary>
    /// <param name="context">The request; its cookies are for https alone where it is.</param>
    /// <param name="lifetime">Null for as long as the browser runs.</param>
    public static CookieOptions Options(HttpContext context, TimeSpan? lifetime) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = context.Request.IsHttps,
        Path = "/",
        MaxAge = lifetime,
        IsEssential = true,
    };
}
