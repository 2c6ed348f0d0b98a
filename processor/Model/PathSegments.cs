namespace Stockflow.Model;

/// <summary>
/// Path segments of an HTTP request, from the request line itself. The server's decoded path can not tell an id with a slash (<c>%2F</c>) from an id that
/// holds the text "%2F", and drops dot segments.
/// </summary>
internal static class PathSegments
{
    /// <summary>The decoded segments after <paramref name="prefix"/>.</summary>
    public static string[] After(string prefix, string rawTarget)
    {
        var path = rawTarget.AsSpan();
        if (path.IndexOf("://", StringComparison.Ordinal) is > 0 and < 8 and var scheme)
        {
            // A proxy may send the absolute form.
            var slash = path[(scheme + 3)..].IndexOf('/');
            path = slash < 0 ? "/" : path[(scheme + 3 + slash)..];
        }

        var end = path.IndexOfAny('?', '#');
        path = end < 0 ? path : path[..end];
        if (!path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        return Array.ConvertAll(path[prefix.Length..].ToString().Split('/'), Uri.UnescapeDataString);
    }
}
