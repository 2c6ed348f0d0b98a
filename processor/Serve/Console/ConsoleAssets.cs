using System.Security.Cryptography;

namespace Stockflow.Serve.Console;

/// <summary>The style sheet and the script, from the assembly. Their addresses hold a hash, so browsers keep them until they change.</summary>
internal sealed class ConsoleAssets
{
    private readonly Asset style = new("console.css", "text/css; charset=utf-8");
    private readonly Asset script = new("console.js", "text/javascript; charset=utf-8");

    public string StylePath => style.Path;

    public string ScriptPath => script.Path;

    public void Map(IEndpointRouteBuilder routes)
    {
        style.Map(routes);
        script.Map(routes);
    }

    private sealed class Asset
    {
        private readonly byte[] content;
        private readonly string route, type;

        public Asset(string name, string type)
        {
            using var stream = typeof(ConsoleAssets).Assembly.GetManifestResourceStream(name)
                ?? throw new InvalidOperationException($"the assembly has no resource {name}");
            content = new byte[stream.Length];
            stream.ReadExactly(content);
            (this.type, route) = (type, "/console/" + name);
            Path = route + "?v=" + Convert.ToHexStringLower(SHA256.HashData(content))[..12];
        }

        public string Path { get; }

        public void Map(IEndpointRouteBuilder routes) => routes.MapMethods(route, ["GET", "HEAD"], context =>
        {
            context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
            return Problems.JsonAsync(context, content, type, context.RequestAborted);
        });
    }
}
