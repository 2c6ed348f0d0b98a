using System.Text;

namespace Stockflow.Serve.Stock;

/// <summary>Ids as cursors that stand in a URL.</summary>
internal static class Cursors
{
    public static string? Write(string? id) => id is null ? null : System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(id));

    /// <exception cref="FormatException">It is not one of <see cref="Write"/>.</exception>
    public static string? Read(string? cursor) => cursor is null ? null : Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(cursor));
}
