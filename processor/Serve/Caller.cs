namespace Stockflow.Serve;

/// <summary>Who asks: for limits, and for what is written down of a command.</summary>
internal static class Caller
{
    /// <summary>Everybody, where no keys are set.</summary>
    public const string Anonymous = "anonymous";

    private static readonly object Item = new();

    /// <summary>The name of the request's key; <see cref="Anonymous"/> where it needed none.</summary>
    public static string Of(HttpContext context) => context.Items.TryGetValue(Item, out var name) ? (string)name! : Anonymous;

    /// <summary>Keeps the name of the request's key.</summary>
    public static void Set(HttpContext context, string name) => context.Items[Item] = name;
}
